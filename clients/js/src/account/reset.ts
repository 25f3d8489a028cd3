/** A new password, by what a code of `password_reset` has brought. */

import { ask, callerOf, type ClientOptions } from '../ask.js'
import type { SendOptions } from '../doors.js'
import { learnWords } from './words.js'

export interface ResetTokenRedeemed {
    /** Whose password it is: of whom the code was asked for, else whose verified number it went to. */
    userId: string | null
    phone: string
    sessionId: string
}

/** On a server, with its key `sk_…`: uses up the token that a page handed over. It is good for one new password. */
export function redeemResetToken(
    gateway: ClientOptions,
    token: string,
    options?: SendOptions,
): Promise<ResetTokenRedeemed> {
    learnWords()
    return ask(callerOf(gateway), '/otp/reset-tokens/redeem', { ...options, body: { token }, creates: true })
}
