/** How somebody shows that it is them: by a text, an app or a backup code, whichever would do. */

import { useState } from 'react'
import { deviceName as nameOfThis, type DeviceStore } from '../account/device.js'
import type { TwoFactorDoors } from '../account/doors.js'
import type { FactorMethod, OtpRequirement } from '../doors.js'
import type { OtpEventDetail } from '../element.js'
import { FieldForm } from './field-form.js'
import { OtpVerify, type OtpVerifyProps } from './otp-verify.js'

/** What was proven, by whichever way. */
export type Proof = Pick<OtpEventDetail, 'sessionId' | 'token' | 'deviceToken'>

export interface ChallengeProps extends Omit<OtpVerifyProps, 'onVerified' | 'autoFocus' | 'rememberDevice'> {
    /** Checks codes of apps and backup codes: `createTwoFactor(…)`. Without it there are texts alone. */
    factors?: Pick<TwoFactorDoors, 'verifySecondFactor'> | undefined
    /** Where the token of this device is kept: `deviceStore(userId)`. Without it no device is remembered. */
    device?: DeviceStore | undefined
    /** What its user knows it by. */
    deviceName?: string | undefined
    onVerified?: ((proof: Proof) => void) | undefined
}

export const ENGLISH = {
    remember: 'Remember this device',
    check: 'Confirm',
    app: 'Code of your app',
    backupCode: 'Backup code',
    useSms: 'Send me a text message',
    useApp: 'Use your app',
    useBackupCode: 'Use a backup code',
}

const KIND = {
    app: { inputMode: 'numeric', autoComplete: 'one-time-code' },
    backup_code: { autoComplete: 'off', autoCapitalize: 'none', spellCheck: false },
} as const

export function Challenge({
    method,
    methods = [],
    factors,
    device,
    deviceName,
    onVerified,
    words,
    ...rest
}: ChallengeProps & Partial<Pick<OtpRequirement, 'method' | 'methods'>> & { words: typeof ENGLISH }) {
    const ways: FactorMethod[] = factors && methods.length ? methods : ['sms']
    const [chosen, choose] = useState<FactorMethod>()
    const [remembers, remember] = useState(false)
    const way = chosen ?? ways.find((way) => way === method) ?? ways[0]!
    const rememberDevice = device && remembers ? (deviceName ?? nameOfThis()) : undefined
    const verified = (proof: Proof) => {
        if (proof.deviceToken) device?.set(proof.deviceToken)
        onVerified?.(proof)
    }
    const uses = { sms: words.useSms, app: words.useApp, backup_code: words.useBackupCode }
    return (
        <>
            {way === 'sms' ? (
                <OtpVerify {...rest} rememberDevice={rememberDevice} autoFocus={!!chosen} onVerified={verified} />
            ) : (
                <FieldForm
                    key={way}
                    label={way === 'app' ? words.app : words.backupCode}
                    action={words.check}
                    input={{ ...KIND[way], autoFocus: !!chosen }}
                    left={rest.texts?.left}
                    send={async (code, signal) => {
                        const { token } = rest
                        verified(
                            await factors!.verifySecondFactor({ method: way, code, token, rememberDevice }, { signal }),
                        )
                    }}
                />
            )}
            {device && (
                <label className="smsgw-box">
                    <input type="checkbox" checked={remembers} onChange={(event) => remember(event.target.checked)} />
                    {words.remember}
                </label>
            )}
            {ways
                .filter((other) => other !== way)
                .map((other) => (
                    <button key={other} type="button" className="smsgw-plain" onClick={() => choose(other)}>
                        {uses[other]}
                    </button>
                ))}
        </>
    )
}
