// Codes by text: to whom one is sent, and what the right one does. They are the doors that the client knows, so that
// its parts need nothing but an address here.
import { asGateway, confirmed, refusal, userOf } from './rules.mjs'
import { endSessionsOf, renew } from './sessions.mjs'
import { findUser, setPassword } from './users.mjs'

export const codes = {
    // --- Which code; each `send` says what happens if it is right ---

    'POST /otp/send': (call) => {
        const phone = String(call.body.phone)
        return send(call, { phone }, ({ session, response }) => {
            renew(session, response, { user: { id: phone, role: 'customer' }, confirmed: true })
        })
    },
    'POST /second-factor/otp/send': async (call) => {
        const user = userOf(call.session)
        const { methods } = await call.gateway.factorsOf(user.id).otpRequirement({})
        // A number of the page's choice only as long as there is nothing to show: else it would be no second factor.
        const isFirst = methods.length === 0
        // Nor does a text stand in for the app that somebody has chosen.
        if (!isFirst && !methods.includes('sms')) throw refusal(403, 'Use your app or a backup code.')
        const phone = isFirst ? String(call.body.phone) : await phoneOf(call, user)
        // What `verify_phone` confirms is the user's from then on.
        const purpose = isFirst ? 'verify_phone' : 'two_factor'
        return send(call, { phone, purpose, userId: user.id }, ({ session, response }) => {
            renew(session, response, { user, confirmed: true })
        })
    },
    'POST /new-number/otp/send': (call) => {
        const user = confirmed(call.session)
        return send(call, { phone: String(call.body.phone), purpose: 'change_phone', userId: user.id })
    },
    'POST /current-number/otp/send': async (call) => {
        const user = confirmed(call.session)
        return send(call, { phone: await phoneOf(call, user), purpose: 'change_phone', userId: user.id })
    },
    'POST /password-reset/otp/send': (call) =>
        send(call, { phone: String(call.body.phone), purpose: 'password_reset' }),

    // --- The same for all of them ---

    'POST /otp/resend': async ({ gateway, session, ip }) =>
        asGateway(await gateway.sms.resendOtp({ sessionId: codeOf(session).id, clientIp: ip })),
    'GET /otp/sessions/{id}': async ({ gateway, session }) =>
        asGateway(await gateway.sms.otpSession(codeOf(session).id)),
    'POST /otp/verify': async (call) => {
        const { gateway, session, body } = call
        const { id, right } = codeOf(session)
        const rememberDevice = body.remember_device
        const verified = await gateway.sms.verifyOtp({ sessionId: id, otp: String(body.otp), rememberDevice })
        right?.(call)
        return asGateway(verified)
    },

    // --- What the right code of a password reset is for ---

    'POST /password-reset': async ({ gateway, body }) => {
        const password = String(body.password)
        // Before the token is used up: it is good for once.
        if (password.length < 8) throw refusal(400, 'Use at least 8 characters.')
        const { userId } = await gateway.redeemResetToken(String(body.reset_token))
        if (!findUser(userId)) throw refusal(404, 'No account has this number.')
        await setPassword(userId, password)
        // Whoever knew the old one is out.
        endSessionsOf(userId)
        return {}
    },
}

async function send({ gateway, session, ip }, request, right) {
    const sent = await gateway.sms.sendOtp({ ...request, clientIp: ip })
    session.code = { id: sent.sessionId, right }
    return asGateway(sent)
}

/** The code of this browser alone: an id that a page brings is not looked at. */
function codeOf(session) {
    if (!session.code) throw Object.assign(refusal(410, 'Ask for a code first.'), { code: 'otp-expired' })
    return session.code
}

async function phoneOf({ gateway }, { id }) {
    const { phone } = await gateway.sms.settings.get(`/users/${id}/contact-settings`)
    return phone ?? ''
}
