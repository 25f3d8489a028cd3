/** The doors of a gateway as functions. */

import { ask, callerOf, type ClientOptions } from './ask.js'
import type {
    CallOptions,
    OtpDoors,
    OtpRequirement,
    OtpSent,
    OtpSession,
    OtpVerified,
    SendOptions,
    SendTemplate,
    TemplateSent,
} from './doors.js'
import type { Token } from './http.js'
import { type Settings, settingsOf } from './settings.js'

/** For pages, with a publishable key, or by way of your own server. */
export interface SmsClient extends OtpDoors {}

/** With a user's own token, or a server's key. */
export interface TokenSmsClient extends SmsClient {
    /** Whether a user must verify now, `within` minutes of the last time. Users may ask for themselves alone. */
    otpRequirement(userId: string, options?: CallOptions & { within?: number | undefined }): Promise<OtpRequirement>
}

/** With a key `sk_…` of the scopes that these doors need; it stays on a server. */
export interface AdminSmsClient extends TokenSmsClient {
    sendTemplate(request: SendTemplate, options?: SendOptions): Promise<TemplateSent>
    settings: Settings
}

export function createSmsClient(options: ClientOptions & { token: Token }): AdminSmsClient
export function createSmsClient(options: ClientOptions): SmsClient
export function createSmsClient(options: ClientOptions): AdminSmsClient {
    const caller = callerOf(options)
    const client: SmsClient = {
        sendOtp: (body, options) => ask<OtpSent>(caller, '/otp/send', { ...options, body, creates: true }),
        verifyOtp: (body, options) => ask<OtpVerified>(caller, '/otp/verify', { ...options, body }),
        resendOtp: (body, options) => ask<OtpSent>(caller, '/otp/resend', { ...options, body, creates: true }),
        otpSession: (id, options) => ask<OtpSession>(caller, '/otp/sessions/' + encodeURIComponent(id), options),
    }
    if (options.token === undefined) return client as AdminSmsClient
    return {
        ...client,
        otpRequirement: (userId, { within, ...options } = {}) => {
            const query = within === undefined ? '' : '?within=' + within
            return ask<OtpRequirement>(
                caller,
                `/users/${encodeURIComponent(userId)}/otp-requirement${query}`,
                options,
            )
        },
        sendTemplate: (body, options) =>
            ask<TemplateSent>(caller, '/sms/send-transactional', { ...options, body, creates: true }),
        settings: settingsOf(caller),
    }
}
