/** Defines `<otp-verify>`; importing this is all that a page does. */

import { OtpVerifyElement } from './element/otp-verify.js'

export { OtpVerifyElement }
export type { Texts } from './element/texts.js'

if (globalThis.customElements && !customElements.get('otp-verify'))
    customElements.define('otp-verify', OtpVerifyElement)

declare global {
    interface HTMLElementTagNameMap {
        'otp-verify': OtpVerifyElement
    }
    interface HTMLElementEventMap {
        'otp-sent': CustomEvent<OtpEventDetail>
        'otp-verified': CustomEvent<OtpEventDetail>
        'otp-error': CustomEvent<OtpEventDetail>
        'otp-cancel': CustomEvent<OtpEventDetail>
    }
}

/** How the flow stands: with the session, and what a right code proves or why the last step did not work. */
export type OtpEventDetail = import('./flow-state.js').OtpState
