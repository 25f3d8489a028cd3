/** Another number: its code is confirmed; where the gateway wants that, after one to the number of before. */

import { useRef, useState } from 'react'
import { learnWords } from '../account/words.js'
import type { OtpEventDetail } from '../element.js'
import type { FlowOptions } from '../flow-state.js'
import { OtpVerify, type OtpVerifyProps } from './otp-verify.js'
import { Step } from './step.js'

export interface ChangeNumberProps
    extends Omit<OtpVerifyProps, 'purpose' | 'knownPhone' | 'sessionId' | 'onVerified' | 'autoFocus'> {
    /** The number of now; masked if `startCurrent` is given. */
    currentPhone?: string | undefined
    /** Has a code sent to the number of now by other means than the client, as by your server that alone knows it. */
    startCurrent?: FlowOptions['start']
    /** The new number is the user's. */
    onChanged?: ((detail: OtpEventDetail) => void) | undefined
    words?: Partial<typeof ENGLISH> | undefined
}

const ENGLISH = {
    title: 'Change your number',
    enter: 'Which is your new number?',
    current: 'First confirm the number that you have now.',
}

const PURPOSE = 'change_phone'

export function ChangeNumber({
    currentPhone,
    start,
    startCurrent,
    phone,
    onChanged,
    onError,
    words,
    ...rest
}: ChangeNumberProps) {
    learnWords()
    const said = { ...ENGLISH, ...words }
    const { client, locale } = rest
    const [isCurrent, confirmCurrent] = useState(false)
    const [moved, move] = useState(false)
    /** Not to be typed again after the other one was confirmed. */
    const typed = useRef(phone)
    const send: NonNullable<FlowOptions['start']> = ({ phone = '', signal }) =>
        client.sendOtp({ phone, purpose: PURPOSE, locale }, { signal })
    const go = (toCurrent: boolean) => {
        move(true)
        confirmCurrent(toCurrent)
    }
    return (
        <Step title={said.title} said={isCurrent ? said.current : said.enter}>
            {isCurrent ? (
                <OtpVerify
                    {...rest}
                    key="current"
                    purpose={PURPOSE}
                    knownPhone={currentPhone ?? ''}
                    start={startCurrent ?? (({ signal }) => send({ phone: currentPhone, signal }))}
                    autoFocus
                    onError={onError}
                    onVerified={() => go(false)}
                />
            ) : (
                <OtpVerify
                    {...rest}
                    key="new"
                    purpose={PURPOSE}
                    phone={typed.current}
                    start={(request) => {
                        typed.current = request.phone ?? typed.current
                        return (start ?? send)(request)
                    }}
                    autoFocus={moved}
                    onError={(detail) => {
                        onError?.(detail)
                        if (detail.error?.code === 'old-phone-unverified') go(true)
                    }}
                    onVerified={onChanged}
                />
            )}
        </Step>
    )
}
