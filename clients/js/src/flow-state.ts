/** How a login by code stands, as a page shows it. */

import type { CallOptions, OtpDoors, OtpSent } from './doors.js'
import type { SmsError } from './error.js'

/**
 * - `idle`: no code was asked for.
 * - `sending`: one is being asked for, or a session is being looked up.
 * - `sent`: a code can be typed.
 * - `checking`: one is being checked.
 * - `verified`: it was right.
 * - `expired`, `locked`: this session takes no code any more; start another.
 * - `failed`: the gateway could not send. Only servers are told so.
 */
export type OtpStatus = 'idle' | 'sending' | 'sent' | 'checking' | 'verified' | 'expired' | 'locked' | 'failed'

/** Never changed, always replaced. */
export interface OtpState {
    status: OtpStatus
    sessionId?: string | undefined
    /** Where the code went: as typed, or masked. */
    phone?: string | undefined
    /** Seconds before another code can be asked for, by the gateway's last word. */
    cooldown: number
    /** Seconds that the code is good for; undefined until the gateway has said it. */
    expiresIn?: number | undefined
    attemptsRemaining?: number | undefined
    /** Proof for your server, if one was asked for. */
    token?: string | undefined
    /** Of this device, if it is to be remembered. */
    deviceToken?: string | undefined
    /** Of a code of `password_reset`, for your server. */
    resetToken?: string | undefined
    /** Why the last step did not work. */
    error?: SmsError | undefined
    /** Codes are being guessed all over the gateway: show a challenge before the next send. */
    challengeRequired?: boolean | undefined
}

export interface FlowOptions {
    client: Pick<OtpDoors, 'sendOtp' | 'verifyOtp' | 'resendOtp' | 'otpSession'>
    /** The gateway's default is `login`. */
    purpose?: string | undefined
    locale?: string | undefined
    userId?: string | undefined
    /** Wants a token with a right code. */
    token?: boolean | undefined
    /** Has this device remembered with a right code, under this name. */
    rememberDevice?: string | undefined
    /**
     * Has the first code sent by other means, as by your server to the number that it knows of a user. If it fails, the
     * message of its error is shown; an `SmsError` also tells how long to wait.
     */
    start?:
        | ((
              request: { phone?: string | undefined } & CallOptions,
          ) => Promise<Pick<OtpSent, 'sessionId'> & Partial<OtpSent>>)
        | undefined
}
