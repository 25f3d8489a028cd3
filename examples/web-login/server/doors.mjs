// What the pages may ask for. The key of the gateway is used by this server and nowhere else; what decides is what the
// gateway answered to it, never what a page says.
import { account } from './account.mjs'
import { codes } from './codes.mjs'
import { confirmed, refusal, userOf } from './rules.mjs'
import { renew } from './sessions.mjs'
import { checkPassword, HOMES, signUp } from './users.mjs'

/** Minutes, the fewest that can be asked for. */
const WITHIN = 1

/** By method and path; each gets `{ gateway, session, body, id, ip, response }` and gives what is answered as JSON. */
export const doors = {
    ...codes,
    ...account,

    'POST /login': async ({ session, body, response }) => {
        const user = await checkPassword(String(body.name), String(body.password))
        if (!user) throw refusal(403, 'Name or password is wrong.')
        return begin(session, response, user)
    },
    // The new account is good for nothing before its number was confirmed, for which the overlay asks.
    'POST /sign-up': async ({ gateway, session, body, response }) =>
        begin(session, response, await signUp(gateway, String(body.name), String(body.password))),
    'POST /logout': async ({ session, response }) => {
        renew(session, response, {})
        return {}
    },

    /** Whether this session must show a second factor; a remembered device does it by its token. */
    'POST /api/otp-requirement': async ({ gateway, session, body }) => {
        const user = userOf(session)
        if (session.confirmed) return { required: false }
        const { device_token: deviceToken } = body
        const answer = await gateway.factorsOf(user.id).otpRequirement({ within: WITHIN, deviceToken })
        // What was confirmed in another browser a moment ago says nothing of this one.
        const required = answer.required || answer.reason === 'verified_recently'
        session.confirmed = !required
        const { reason, phone, method, methods } = answer
        return { required, reason, phone, method, methods, deviceToken: answer.deviceToken }
    },

    // --- The application ---

    'GET /api/me': async ({ session }) => {
        const { id, role } = userOf(session)
        return { name: id, role, homes: HOMES }
    },
    'GET /api/orders': async ({ session }) => {
        // The overlay is a courtesy; this is the lock.
        confirmed(session)
        return { orders: ['A table for two, 20:00', 'A table for six, 19:30'] }
    },
}

function begin(session, response, user) {
    renew(session, response, { user, confirmed: false })
    return { home: HOMES[user.role] }
}
