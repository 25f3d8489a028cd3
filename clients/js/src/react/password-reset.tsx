/** A new password for whoever holds the phone: number, code, then the password, which your server sets. */

import { useState } from 'react'
import { learnWords } from '../account/words.js'
import type { CallOptions } from '../doors.js'
import { FieldForm } from './field-form.js'
import { OtpVerify, type OtpVerifyProps } from './otp-verify.js'
import { Step } from './step.js'

export interface NewPassword {
    /** Your server redeems it, and learns whose password it is. Absent if it stands in for the gateway and kept it. */
    resetToken?: string | undefined
    password: string
}

export interface PasswordResetProps
    extends Omit<OtpVerifyProps, 'purpose' | 'knownPhone' | 'rememberDevice' | 'onVerified' | 'autoFocus'> {
    /** Has your server set it. If it fails, the message of its error is shown, and the flow can begin anew. */
    onReset(request: NewPassword, options: CallOptions): Promise<void>
    /** Characters. */
    minLength?: number | undefined
    words?: Partial<typeof ENGLISH> | undefined
}

const ENGLISH = {
    title: 'A new password',
    phone: 'We text you a code.',
    choose: 'The code was right. Choose a new password.',
    password: 'New password',
    show: 'Show it',
    save: 'Save',
    short: (length: number) => `Use at least ${length} characters.`,
    again: 'Begin again',
    done: 'Your password is changed. Sign in with it.',
}

type At = { step: 'code' } | { step: 'done' } | { step: 'password'; resetToken?: string | undefined }

export function PasswordReset({ onReset, minLength = 8, words, ...rest }: PasswordResetProps) {
    learnWords()
    const said = { ...ENGLISH, ...words }
    const [at, go] = useState<At>({ step: 'code' })
    const [visible, setVisible] = useState(false)
    const [begun, setBegun] = useState(0)
    if (at.step === 'done') return <Step title={said.title} said={said.done} />
    if (at.step === 'code') {
        return (
            <Step title={said.title} said={said.phone}>
                <OtpVerify
                    {...rest}
                    key={begun}
                    purpose="password_reset"
                    // With a proof: a right code whose answer was lost is worth nothing without it.
                    token
                    autoFocus={begun > 0}
                    onVerified={({ resetToken }) => go({ step: 'password', resetToken })}
                />
            </Step>
        )
    }
    return (
        <Step title={said.title} said={said.choose}>
            <FieldForm
                label={said.password}
                action={said.save}
                input={{ type: visible ? 'text' : 'password', autoComplete: 'new-password', autoFocus: true }}
                send={async (password, signal) => {
                    // Counted as people count; your server has the last word.
                    if ([...password].length < minLength) throw new Error(said.short(minLength))
                    await onReset({ resetToken: at.resetToken, password }, { signal })
                    go({ step: 'done' })
                }}
            >
                <label className="smsgw-box">
                    <input type="checkbox" checked={visible} onChange={(event) => setVisible(event.target.checked)} />
                    {said.show}
                </label>
            </FieldForm>
            <button
                type="button"
                className="smsgw-plain"
                onClick={() => {
                    setBegun(begun + 1)
                    go({ step: 'code' })
                }}
            >
                {said.again}
            </button>
        </Step>
    )
}
