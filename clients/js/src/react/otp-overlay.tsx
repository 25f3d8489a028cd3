/**
 * Between a sign-in and the application: whoever must confirm a code does that first.
 *
 * The application is not there until then, and neither is it if nobody can say whether a code is needed. That keeps
 * honest users on the way; your server must refuse the others by asking the gateway itself.
 */

import { type ReactNode, useCallback, useEffect, useState } from 'react'
import type { CallOptions, OtpRequirement } from '../doors.js'
import { Dialog } from './dialog.js'
import { OtpVerify, type OtpVerifyProps } from './otp-verify.js'

/** What of the gateway's answer is needed. */
export type OtpRequirementAnswer = Pick<OtpRequirement, 'required'> & Partial<Pick<OtpRequirement, 'reason' | 'phone'>>

export interface OtpOverlayProps extends Omit<OtpVerifyProps, 'knownPhone' | 'phone' | 'onCancel'> {
    /**
     * Whether a code is needed: `() => client.otpRequirement(userId)` with the user's token, or an answer of your
     * server. Asked again once a code was right.
     */
    requirement(options: CallOptions): Promise<OtpRequirementAnswer>
    /** Shown as a way out, if given. */
    onSignOut?: (() => void) | undefined
    children?: ReactNode
    words?: Partial<typeof ENGLISH> | undefined
}

/** An answer, and which time of asking it answers: a form begins anew with each. */
interface Round {
    answer: OtpRequirementAnswer | 'asking' | 'failed'
    round: number
}

const ENGLISH = {
    title: 'Confirm that it is you',
    asking: 'One moment …',
    failed: 'It cannot be found out whether you have to confirm a code.',
    retry: 'Try again',
    signOut: 'Sign out',
}

export function OtpOverlay({ requirement, onSignOut, onVerified, children, words, ...rest }: OtpOverlayProps) {
    const { title, asking, failed, retry, signOut } = { ...ENGLISH, ...words }
    const [asked, setAsked] = useState(0)
    const [{ answer, round }, setAnswer] = useState<Round>({ answer: 'asking', round: 0 })
    useEffect(() => {
        const asking = new AbortController()
        const take = (answer: Round['answer']) => asking.signal.aborted || setAnswer({ answer, round: asked })
        requirement({ signal: asking.signal }).then(take, () => take('failed'))
        return () => asking.abort()
        // `requirement` is often written where it is passed, and new with every rendering; once per `asked` is meant.
    }, [asked])
    const again = useCallback(() => setAsked((times) => times + 1), [])

    if (answer === 'asking') return <p role="status">{asking}</p>
    if (answer !== 'failed' && answer.required === false) return <>{children}</>
    const phone = answer === 'failed' ? undefined : (answer.phone ?? undefined)
    return (
        <Dialog title={title}>
            {answer === 'failed' ? (
                <>
                    <p role="alert">{failed}</p>
                    <button type="button" onClick={again}>
                        {retry}
                    </button>
                </>
            ) : (
                <OtpVerify
                    key={round}
                    {...rest}
                    {...(phone && { knownPhone: phone })}
                    onVerified={(detail) => {
                        onVerified?.(detail)
                        again()
                    }}
                />
            )}
            {onSignOut && (
                <button type="button" onClick={onSignOut}>
                    {signOut}
                </button>
            )}
        </Dialog>
    )
}
