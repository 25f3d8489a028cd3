/** A dialog that confirms a number: phone, then code; another number; a countdown to the next code. */

import { Dialog } from './dialog.js'
import { OtpVerify, type OtpVerifyProps } from './otp-verify.js'

export interface PhoneVerificationModalProps extends OtpVerifyProps {
    open: boolean
    /** Esc or Cancel. */
    onClose(): void
    title?: string | undefined
    cancel?: string | undefined
}

export function PhoneVerificationModal({
    open,
    onClose,
    title = 'Confirm your phone number',
    cancel = 'Cancel',
    ...rest
}: PhoneVerificationModalProps) {
    if (!open) return null
    return (
        <Dialog title={title} onClose={onClose}>
            <OtpVerify {...rest} />
            <button type="button" className="smsgw-plain" onClick={onClose}>
                {cancel}
            </button>
        </Dialog>
    )
}
