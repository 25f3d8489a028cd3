// The second factor and the devices of whoever is signed in: what the gateway has of them, and of nobody else.
import { asGateway, confirmed, userOf } from './rules.mjs'
import { renew } from './sessions.mjs'

/** For whoever has shown the factor that they have. */
const own = (work) => async (call) => {
    const { gateway, session } = call
    return asGateway(await work(gateway.factorsOf(confirmed(session).id), call))
}

export const account = {
    'GET /account/two-factor': own((factors) => factors.twoFactor()),
    'PUT /account/two-factor': own((factors, { body }) => factors.setMethod(body.method)),
    'POST /account/two-factor/app': own((factors) => factors.enrolApp()),
    'POST /account/two-factor/app/confirm': own((factors, { body }) => factors.confirmApp(String(body.code))),
    'DELETE /account/two-factor/app': own((factors) => factors.removeApp()),
    'POST /account/two-factor/backup-codes': own(async (factors) => ({ codes: await factors.makeBackupCodes() })),
    'GET /account/devices': own(async (factors) => ({ devices: await factors.listDevices() })),
    'DELETE /account/devices/{id}': own((factors, { id }) => factors.forgetDevice(id)),
    'GET /account/phone': async ({ gateway, session }) => {
        const { phone } = await gateway.sms.otpRequirement(confirmed(session).id)
        return { phone }
    },

    // A code of an app or a backup code; texts have `/otp/verify`.
    'POST /account/two-factor/verify': async ({ gateway, session, body, response }) => {
        const user = userOf(session)
        const { method, code, remember_device: rememberDevice } = body
        const verified = await gateway
            .factorsOf(user.id)
            .verifySecondFactor({ method, code: String(code), rememberDevice })
        renew(session, response, { user, confirmed: true })
        return asGateway(verified)
    },
}
