/**
 * Between a sign-in and the application: whoever must confirm that it is them does that first.
 *
 * The application is not there until then, and neither is it if nobody can say whether it is needed. That keeps honest
 * users on the way; your server must refuse the others by asking the gateway itself.
 */

import { type ReactNode, useCallback, useEffect, useState } from 'react'
import { type DeviceStore, requirementOf } from '../account/device.js'
import type { CallOptions, OtpRequirement } from '../doors.js'
import { Challenge, type ChallengeProps, ENGLISH as CHALLENGE } from './challenge.js'
import { Dialog } from './dialog.js'

/** What of the gateway's answer is needed. */
export type OtpRequirementAnswer = Pick<OtpRequirement, 'required'> &
    Partial<Pick<OtpRequirement, 'reason' | 'phone' | 'method' | 'methods' | 'deviceToken'>>

export interface OtpOverlayProps extends Omit<ChallengeProps, 'knownPhone' | 'phone' | 'onCancel'> {
    /**
     * Whether a code is needed: `({ deviceToken, signal }) => factors.otpRequirement({ deviceToken }, { signal })` with
     * the user's token, or an answer of your server. Asked again once a code was right. The device's token comes along
     * if `device` has one; the next one that the answer brings is kept.
     */
    requirement(options: CallOptions & { deviceToken?: string | undefined }): Promise<OtpRequirementAnswer>
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
    ...CHALLENGE,
    title: 'Confirm that it is you',
    asking: 'One moment …',
    failed: 'It cannot be found out whether you have to confirm a code.',
    retry: 'Try again',
    signOut: 'Sign out',
}

/** Without one, nothing is remembered. */
const NO_DEVICE: DeviceStore = { get: () => undefined, set: () => {} }

export function OtpOverlay({ requirement, onSignOut, onVerified, children, words, ...rest }: OtpOverlayProps) {
    const said = { ...ENGLISH, ...words }
    const [asked, setAsked] = useState(0)
    const [{ answer, round }, setAnswer] = useState<Round>({ answer: 'asking', round: 0 })
    useEffect(() => {
        const asking = new AbortController()
        const { signal } = asking
        const take = (answer: Round['answer']) => signal.aborted || setAnswer({ answer, round: asked })
        const ask = () =>
            requirementOf(rest.device ?? NO_DEVICE, async (deviceToken) => {
                // Given up before it began, as development builds do: a device's token is not spent on that.
                signal.throwIfAborted()
                // A token is used up, and the answer has the next one: that is waited for in any case.
                return requirement(deviceToken ? { deviceToken } : { signal })
            })
        // Later, so that it can be given up.
        Promise.resolve()
            .then(ask)
            .then(take, () => take('failed'))
        return () => asking.abort()
        // `requirement` is often written where it is passed, and new with every rendering; once per `asked` is meant.
    }, [asked])
    const again = useCallback(() => setAsked((times) => times + 1), [])

    if (answer === 'asking') return <p role="status">{said.asking}</p>
    if (answer !== 'failed' && answer.required === false) return <>{children}</>
    return (
        <Dialog title={said.title}>
            {answer === 'failed' ? (
                <>
                    <p role="alert">{said.failed}</p>
                    <button type="button" className="smsgw-plain" onClick={again}>
                        {said.retry}
                    </button>
                </>
            ) : (
                <Challenge
                    key={round}
                    {...rest}
                    words={said}
                    method={answer.method ?? 'sms'}
                    methods={answer.methods ?? []}
                    {...(answer.phone && { knownPhone: answer.phone })}
                    onVerified={(proof) => {
                        onVerified?.(proof)
                        again()
                    }}
                />
            )}
            {onSignOut && (
                <button type="button" className="smsgw-plain" onClick={onSignOut}>
                    {said.signOut}
                </button>
            )}
        </Dialog>
    )
}
