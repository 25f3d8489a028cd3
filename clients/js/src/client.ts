/** The doors of a gateway as functions. */

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
import { call, type Caller, CURE, type Request, type Token } from './http.js'
import { fromWire, toWire } from './names.js'
import { type Settings, settingsOf } from './settings.js'

/** For pages, with a publishable key, or by way of your own server. */
export interface SmsClient extends OtpDoors {}

/** With a user's own token, or a server's key. */
export interface TokenSmsClient extends SmsClient {
    /** Whether a user must verify now, `within` minutes of the last time. Users may ask for themselves alone. */
    otpRequirement(userId: string, options?: CallOptions & { within?: number }): Promise<OtpRequirement>
}

/** With a key `sk_…` of the scopes that these doors need; it stays on a server. */
export interface AdminSmsClient extends TokenSmsClient {
    sendTemplate(request: SendTemplate, options?: SendOptions): Promise<TemplateSent>
    settings: Settings
}

export interface ClientOptions {
    /** Where the gateway is, as `https://sms.example.com`; or the part of your own server that stands in for it. */
    baseUrl: string
    /** `pk_…`, which anybody may see: opens the doors of codes on pages of its origins. */
    publishableKey?: string | undefined
    /** A user's JWT, or on a server a key `sk_…`; a function is asked before each call. */
    token?: Token | undefined
}

export function createSmsClient(options: ClientOptions & { token: Token }): AdminSmsClient
export function createSmsClient(options: ClientOptions): SmsClient
export function createSmsClient({ baseUrl, publishableKey, token }: ClientOptions): AdminSmsClient {
    if (publishableKey && !publishableKey.startsWith('pk_')) {
        throw new TypeError('publishableKey must begin with pk_, since everybody can read it: ' + CURE)
    }
    const caller: Caller = {
        baseUrl: baseUrl.replace(/\/+$/, ''),
        bearer: token ?? publishableKey,
        mayRepeat: token !== undefined,
    }
    const ask = async <T>(
        method: Request['method'],
        path: string,
        body?: object,
        options?: SendOptions,
        creates = false,
    ) => fromWire<T>(await call(caller, { ...options, method, path, body: body && toWire(body), creates }))
    const client: SmsClient = {
        sendOtp: (request, options) => ask<OtpSent>('POST', '/otp/send', request, options, true),
        verifyOtp: (request, options) => ask<OtpVerified>('POST', '/otp/verify', request, options),
        resendOtp: (request, options) => ask<OtpSent>('POST', '/otp/resend', request, options, true),
        otpSession: (id, options) =>
            ask<OtpSession>('GET', '/otp/sessions/' + encodeURIComponent(id), undefined, options),
    }
    if (token === undefined) return client as AdminSmsClient
    return {
        ...client,
        otpRequirement: (userId, { within, ...options } = {}) => {
            const query = within === undefined ? '' : '?within=' + within
            return ask<OtpRequirement>(
                'GET',
                `/users/${encodeURIComponent(userId)}/otp-requirement${query}`,
                undefined,
                options,
            )
        },
        sendTemplate: (request, options) =>
            ask<TemplateSent>('POST', '/sms/send-transactional', request, options, true),
        settings: settingsOf(caller),
    }
}
