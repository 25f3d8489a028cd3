// What the pages may ask for. The key of the gateway is used here and nowhere else; what decides is what the gateway
// answered to this server, never what a page says.
import { findUser, HOMES } from './users.mjs'
import { renew } from './sessions.mjs'

/** How long a code that was right counts, in minutes. */
const WITHIN = 15

/** By method and path; each gets `{ sms, session, body, ip, response }` and gives what is answered as JSON. */
export const doors = {
    // --- Sign-in by phone: the doors that the client knows, so that `<otp-verify>` needs nothing but this address ---

    'POST /otp/send': async ({ sms, session, body, ip }) => {
        const sent = await sms.sendOtp({ phone: String(body.phone ?? ''), clientIp: ip })
        session.code = { id: sent.sessionId, phone: body.phone }
        return asGateway(sent)
    },
    'POST /otp/resend': async ({ sms, session, ip }) =>
        asGateway(await sms.resendOtp({ sessionId: codeOf(session).id, clientIp: ip })),
    'GET /otp/sessions': async ({ sms, session }) => asGateway(await sms.otpSession(codeOf(session).id)),
    'POST /otp/verify': async ({ sms, session, body, response }) => {
        const { id, phone, user } = codeOf(session)
        await sms.verifyOtp({ sessionId: id, otp: String(body.otp ?? '') })
        if (!user) {
            renew(session, response, { user: { id: phone, role: 'customer' }, confirmed: true })
        } else {
            // Somebody who had no number yet: now it is known to be theirs.
            if (phone) await sms.settings.put(`/users/${user.id}/contact-settings`, { phone, otp_enabled: true })
            renew(session, response, { user, confirmed: true })
        }
        return { verified: true }
    },

    // --- After the usual sign-in ---

    'POST /login': async ({ session, body, response }) => {
        // Here your application checks a password; that part is not about codes.
        const user = findUser(String(body.name ?? '').toLowerCase())
        if (!user) throw refusal(403, 'Nobody is called that. Try ann, bob or eve.')
        renew(session, response, { user, confirmed: false })
        return { home: HOMES[user.role] }
    },
    'GET /api/otp-requirement': async ({ sms, session }) => {
        const user = userOf(session)
        if (session.confirmed) return { required: false }
        const { required, reason, phone } = await sms.otpRequirement(user.id, { within: WITHIN })
        session.confirmed = !required
        return { required, reason, phone }
    },
    // As `/otp/send`, but where the code goes is known here.
    'POST /second-factor/otp/send': async ({ sms, session, body, ip }) => {
        const user = userOf(session)
        const { phone } = await sms.settings.get(`/users/${user.id}/contact-settings`)
        // A number of the page's choice only as long as there is none: else it would be no second factor.
        const to = phone ?? String(body.phone ?? '')
        const purpose = phone ? 'two_factor' : 'verify_phone'
        const sent = await sms.sendOtp({ phone: to, purpose, userId: user.id, clientIp: ip })
        session.code = { id: sent.sessionId, user, ...(!phone && { phone: to }) }
        return asGateway(sent)
    },

    // --- The application ---

    'GET /api/me': async ({ session }) => {
        const { id, role } = userOf(session)
        return { name: id, role, homes: HOMES }
    },
    'GET /api/orders': async ({ session }) => {
        userOf(session)
        // The overlay is a courtesy; this is the lock.
        if (!session.confirmed) throw refusal(403, 'Confirm the code first.')
        return { orders: ['A table for two, 20:00', 'A table for six, 19:30'] }
    },
    'POST /logout': async ({ session, response }) => {
        renew(session, response, {})
        return {}
    },
}

export function refusal(status, message) {
    return Object.assign(new Error(message), { status, code: status === 401 ? 'signed-out' : 'refused' })
}

function userOf(session) {
    if (!session.user) throw refusal(401, 'Sign in first.')
    return session.user
}

/** The code of this browser alone: an id that a page brings is not looked at. */
function codeOf(session) {
    if (!session.code) throw Object.assign(refusal(410, 'Ask for a code first.'), { code: 'otp-expired' })
    return session.code
}

/** Names as the gateway has them, since the client on the page reads them so. */
function asGateway(answer) {
    const snake = (name) => name.replace(/[A-Z]/g, (letter) => '_' + letter.toLowerCase())
    return Object.fromEntries(Object.entries(answer).map(([name, value]) => [snake(name), value]))
}
