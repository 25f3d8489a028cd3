/**
 * What is said to the gateway and what it answers, as docs/api.md has it, with names in camelCase.
 *
 * Every number that counts for a login - expiry, cool-down, checks left - is the gateway's. Nothing here computes one
 * from the device's clock, which may be wrong.
 */

/** What each call takes besides. */
export interface CallOptions {
    /** Gives the call up; the promise is rejected with the signal's reason. */
    signal?: AbortSignal | undefined
}

/** A call that sends something. */
export interface SendOptions extends CallOptions {
    /**
     * Makes repeating this very call harmless, also after a reload. One is made for each call that may have one:
     * callers with a token. Pages share a publishable key, and bring none.
     */
    idempotencyKey?: string | undefined
}

export interface SendOtp {
    /** In any common spelling, with its country code. */
    phone: string
    /** What the code is for; decides how long it lives and how often it may be checked. */
    purpose?: string | undefined
    /** Your id of the user. */
    userId?: string | undefined
    /** Of your user, if a server calls for them: limits count by it. */
    clientIp?: string | undefined
    providerHint?: string | undefined
    /** BCP 47: in which language the text is written. */
    locale?: string | undefined
}

export interface OtpSent {
    sessionId: string
    /** RFC 3339, by the gateway's clock. For a countdown ask `otpSession`, which says it in seconds. */
    expiresAt: string
    /** Seconds before another code can be asked for. */
    resendAfter: number
    attemptsRemaining: number
    /** Codes are being guessed all over the gateway: show a challenge before the next send. */
    challengeRequired?: boolean
}

export interface VerifyOtp {
    sessionId: string
    /** As typed: digits of any script, with spaces and dashes. */
    otp: string
    /** Also wants a signed token, by which your server knows that the code was right. */
    token?: boolean | undefined
    /** Remembers this device under this name, by which its user knows it; of a session with a user. */
    rememberDevice?: string | undefined
}

/** What a right code proves, as far as it was asked for. */
export interface OtpVerified {
    verified: true
    token?: string
    /** Stands for the second factor, once: keep it, and bring it when you ask for the requirement. */
    deviceToken?: string
    deviceExpiresAt?: string
    /** Of a code of `password_reset`: hand it to your server, which redeems it once. */
    resetToken?: string
    resetExpiresAt?: string
}

export interface OtpSession {
    sessionId: string
    status: 'pending' | 'sent' | 'verified' | 'expired' | 'locked' | 'superseded' | 'send_failed'
    purpose: string
    /** Masked. */
    phone: string
    attemptsRemaining: number
    sends: number
    /** Seconds. */
    resendAfter: number
    /** Seconds. */
    expiresIn: number
    expiresAt: string
    createdAt: string
    verifiedAt: string | null
}

export interface OtpRequirement {
    userId: string
    otpEnabled: boolean
    required: boolean
    reason: 'disabled' | 'no_phone' | 'verified_recently' | 'remembered_device' | 'due'
    /** Masked. */
    phone: string | null
    verifiedAt: string | null
    /** Minutes. */
    within: number
    /** What the user has chosen. */
    method: 'none' | 'sms' | 'app'
    /** What would do now. */
    methods: FactorMethod[]
    backupCodesRemaining: number
    /** The next one of this device: the one that was brought is used up. */
    deviceToken?: string
    deviceExpiresAt?: string
}

/** By which somebody shows that they are who they say: a code by text, of an app on their phone, or of a list. */
export type FactorMethod = 'sms' | 'app' | 'backup_code'

/** The doors of one-time codes that pages may use; an application can stand its own server in for them. */
export interface OtpDoors {
    sendOtp(request: SendOtp, options?: SendOptions): Promise<OtpSent>
    verifyOtp(request: VerifyOtp, options?: CallOptions): Promise<OtpVerified>
    resendOtp(request: { sessionId: string; clientIp?: string | undefined }, options?: SendOptions): Promise<OtpSent>
    otpSession(sessionId: string, options?: CallOptions): Promise<OtpSession>
}

export interface SendTemplate {
    to: string
    template: string
    vars?: Record<string, string | number | boolean>
    userId?: string
    providerHint?: string
    sendAt?: string
    /** Seconds after which it is no longer sent. */
    expiresIn?: number
    /** Rather lost than sent twice. */
    atMostOnce?: boolean
}

export interface TemplateSent {
    messageId: string
    status: string
}
