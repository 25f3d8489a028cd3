/** A user's second factor, as a page of their settings shows it: none, texts or an app; and backup codes. */

import { useEffect, useState } from 'react'
import { pictureOf } from '../account/data-urls.js'
import type { AppEnrolment, TwoFactor, TwoFactorDoors } from '../account/doors.js'
import { ENGLISH as TEXTS } from '../element/texts.js'
import { BackupCodes, ENGLISH as BACKUP_CODES } from './backup-codes.js'
import { FieldForm } from './field-form.js'
import { Step } from './step.js'
import { useWork } from './use-work.js'

export interface TwoFactorSetupProps {
    /** `createTwoFactor(…)`, with the user's token or by way of your server. */
    factors: Omit<TwoFactorDoors, 'verifySecondFactor'>
    /** Something was changed. */
    onChange?: ((state: TwoFactor) => void) | undefined
    words?: Partial<typeof ENGLISH> | undefined
}

const ENGLISH = {
    ...BACKUP_CODES,
    title: 'Two-step sign-in',
    asking: 'One moment …',
    again: 'Try again',
    none: 'It is off.',
    sms: 'It is on: a code is sent to your phone.',
    app: 'It is on: an app on your phone shows the code.',
    left: (codes: number) => (codes === 1 ? 'One backup code is left.' : `${codes || 'No'} backup codes are left.`),
    useSms: 'Use text messages',
    useApp: 'Use an app',
    removeApp: 'Remove the app',
    newCodes: 'New backup codes',
    off: 'Switch it off',
    scan: 'Scan the picture with the app, then type the code that it shows.',
    picture: 'QR code for your app',
    secret: 'Or type this key into the app:',
    code: 'Code of your app',
    confirm: 'Confirm',
    tries: TEXTS.left,
    cancel: 'Cancel',
    codes: 'Keep these codes where you find them without your phone. Each is good for one sign-in.',
}

/** What is shown instead of how things stand. */
type Shown = { enrolment: AppEnrolment } | { codes: string[] } | undefined

export function TwoFactorSetup({ factors, onChange, words }: TwoFactorSetupProps) {
    const said = { ...ENGLISH, ...words }
    const { busy, error, run } = useWork()
    const [state, setState] = useState<TwoFactor>()
    const [shown, show] = useState<Shown>()
    const load = () => run(async (signal) => setState(await factors.twoFactor({ signal })))
    useEffect(() => {
        void load()
        // `factors` is often made where it is passed, and new with every rendering.
    }, [])
    /** Does it, and looks at how things stand then. */
    const change = (work: (signal: AbortSignal) => Promise<Shown | void>) =>
        run(async (signal) => {
            // Codes first: they do not come again, whatever happens next.
            show((await work(signal)) || undefined)
            const state = await factors.twoFactor({ signal })
            setState(state)
            onChange?.(state)
        })

    if (shown && 'codes' in shown) {
        return (
            <Step title={said.title} said={said.codes}>
                <BackupCodes codes={shown.codes} words={said} onDone={() => show(undefined)} />
            </Step>
        )
    }
    if (shown) {
        const { qrSvg, secret } = shown.enrolment
        return (
            <Step title={said.title} said={said.scan}>
                <img src={pictureOf(qrSvg)} alt={said.picture} />
                <p>
                    {said.secret} <code>{secret.replace(/(.{4})(?=.)/g, '$1 ')}</code>
                </p>
                <FieldForm
                    label={said.code}
                    action={said.confirm}
                    input={{ inputMode: 'numeric', autoComplete: 'one-time-code' }}
                    left={said.tries}
                    send={async (code, signal) => {
                        const { backupCodes } = await factors.confirmApp(code, { signal })
                        await change(async () => (backupCodes.length ? { codes: backupCodes } : undefined))
                    }}
                />
                <button type="button" className="smsgw-plain" onClick={() => show(undefined)}>
                    {said.cancel}
                </button>
            </Step>
        )
    }
    const method = state?.method ?? 'none'
    const on = method !== 'none'
    const backupCodes = state && on ? said.left(state.backupCodesRemaining) : ''
    const setMethod = (method: TwoFactor['method']) =>
        change(async (signal) => {
            await factors.setMethod(method, { signal })
        })
    const actions: [string, boolean, () => void][] = state
        ? [
              [said.useSms, method !== 'sms', () => setMethod('sms')],
              [said.useApp, state.appEnrolled && method !== 'app', () => setMethod('app')],
              [
                  said.useApp,
                  !state.appEnrolled,
                  () => run(async (signal) => show({ enrolment: await factors.enrolApp({ signal }) })),
              ],
              [said.removeApp, state.appEnrolled, () => change((signal) => factors.removeApp({ signal }))],
              [
                  said.newCodes,
                  on,
                  () => change(async (signal) => ({ codes: await factors.makeBackupCodes({ signal }) })),
              ],
              [said.off, on, () => setMethod('none')],
          ]
        : [[said.again, !busy, load]]
    return (
        <Step
            title={said.title}
            said={state ? `${said[method]} ${backupCodes}`.trim() : busy ? said.asking : ''}
            error={error}
        >
            {actions
                .filter(([, possible]) => possible)
                .map(([name, , act]) => (
                    <button key={name} type="button" className="smsgw-plain" aria-disabled={busy} onClick={() => act()}>
                        {name}
                    </button>
                ))}
        </Step>
    )
}
