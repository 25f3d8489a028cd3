/** The doors of a gateway as functions. */

import { askerOf, callerOf, type ClientOptions, pathOf } from './ask.js'
import type {
    CallOptions,
    OtpDoors,
    OtpRequirement,
    OtpSent,
    OtpSession,
    OtpVerified,
    ResetTokenRedeemed,
    SendOptions,
    SendTemplate,
    TemplateSent,
} from './doors.js'
import type { Token } from './http.js'
import { type Settings, settingsOf } from './settings.js'

/** For pages, with a publishable key, or by way of your own server. */
export interface SmsClient extends OtpDoors {}

export interface RequirementOptions extends CallOptions {
    /** Minutes for which a verification counts. */
    within?: number | undefined
    /** Of a remembered device. It is good for this once: the answer brings the next one. */
    deviceToken?: string | undefined
}

/** With a user's own token, or a server's key. */
export interface TokenSmsClient extends SmsClient {
    /** Whether a user must verify now, `within` minutes of the last time. Users may ask for themselves alone. */
    otpRequirement(userId: string, options?: RequirementOptions): Promise<OtpRequirement>
}

/** With a key `sk_…` of the scopes that these doors need; it stays on a server. */
export interface AdminSmsClient extends TokenSmsClient {
    sendTemplate(request: SendTemplate, options?: SendOptions): Promise<TemplateSent>
    /** Whose password may be changed now: what a page has of a code of `password_reset`, once. */
    redeemResetToken(token: string, options?: SendOptions): Promise<ResetTokenRedeemed>
    settings: Settings
}

export function createSmsClient(options: ClientOptions & { token: Token }): AdminSmsClient
export function createSmsClient(options: ClientOptions): SmsClient
export function createSmsClient(options: ClientOptions): AdminSmsClient {
    const caller = callerOf(options)
    const ask = askerOf(caller)
    const client: SmsClient = {
        sendOtp: (request, options) => ask<OtpSent>('POST', '/otp/send', request, { ...options, creates: true }),
        verifyOtp: (request, options) => ask<OtpVerified>('POST', '/otp/verify', request, options),
        resendOtp: (request, options) => ask<OtpSent>('POST', '/otp/resend', request, { ...options, creates: true }),
        otpSession: (id, options) =>
            ask<OtpSession>('GET', '/otp/sessions/' + encodeURIComponent(id), undefined, options),
    }
    if (options.token === undefined) return client as AdminSmsClient
    return {
        ...client,
        otpRequirement: (userId, { within, deviceToken, ...options } = {}) => {
            const path = pathOf(userId) + '/otp-requirement'
            if (deviceToken)
                // If the answer was lost, so is the device's next token: the same again says that a code is needed.
                return ask<OtpRequirement>('POST', path, { within, deviceToken }, { ...options, harmless: true })
            const query = within === undefined ? '' : '?within=' + within
            return ask<OtpRequirement>('GET', path + query, undefined, options)
        },
        sendTemplate: (request, options) =>
            ask<TemplateSent>('POST', '/sms/send-transactional', request, { ...options, creates: true }),
        redeemResetToken: (token, options) =>
            ask<ResetTokenRedeemed>('POST', '/otp/reset-tokens/redeem', { token }, { ...options, creates: true }),
        settings: settingsOf(caller),
    }
}
