/** Flows of an account that are codes of a purpose of their own. */

import { OtpFlow } from '../flow.js'
import type { FlowOptions } from '../flow-state.js'
import { learnWords } from './words.js'

/**
 * To another number: `start(number)`, then `confirm(code)`. The gateway binds it to the user whose token it is, or whom
 * your server names. Refused are `phone-taken`, of somebody else, and `old-phone-unverified` where the number of now
 * must be confirmed first: by such a flow to that one.
 */
export function changeNumber(options: FlowOptions): OtpFlow {
    learnWords()
    return new OtpFlow(() => ({ ...options, purpose: 'change_phone' }))
}

/** A right code brings `resetToken`, with which your server changes the password, once, within ten minutes. */
export function resetPassword(options: FlowOptions): OtpFlow {
    learnWords()
    // With a proof: a right code whose answer was lost is worth nothing without it, and another one is asked for.
    return new OtpFlow(() => ({ ...options, purpose: 'password_reset', token: true }))
}
