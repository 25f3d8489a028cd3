/** Where a user needs no code, to be taken back. */

import { useEffect, useState } from 'react'
import type { RememberedDevice, TwoFactorDoors } from '../account/doors.js'
import { Step } from './step.js'
import { useWork } from './use-work.js'

export interface RememberedDevicesProps {
    factors: Pick<TwoFactorDoors, 'listDevices' | 'forgetDevice'>
    words?: Partial<typeof ENGLISH> | undefined
}

const ENGLISH = {
    title: 'Remembered devices',
    asking: 'One moment …',
    again: 'Try again',
    none: 'There are none.',
    some: 'On these you sign in without a code.',
    used: (date: string) => `Last used on ${date}`,
    forget: 'Forget',
}

export function RememberedDevices({ factors, words }: RememberedDevicesProps) {
    const said = { ...ENGLISH, ...words }
    const { busy, error, run } = useWork()
    const [devices, setDevices] = useState<RememberedDevice[]>()
    const list = async (signal: AbortSignal) => setDevices(await factors.listDevices({ signal }))
    useEffect(() => {
        void run(list)
    }, [])
    return (
        <Step
            title={said.title}
            said={devices ? (devices.length ? said.some : said.none) : busy ? said.asking : ''}
            error={error}
        >
            {!devices && !busy && (
                <button type="button" className="smsgw-plain" onClick={() => run(list)}>
                    {said.again}
                </button>
            )}
            <ul>
                {devices?.map(({ id, name, lastUsedAt, createdAt }) => (
                    <li key={id}>
                        {name}
                        <small>{said.used(new Date(lastUsedAt ?? createdAt).toLocaleDateString())}</small>
                        <button
                            type="button"
                            className="smsgw-plain"
                            aria-label={`${said.forget}: ${name}`}
                            aria-disabled={busy}
                            onClick={() =>
                                run(async (signal) => {
                                    await factors.forgetDevice(id, { signal })
                                    await list(signal)
                                })
                            }
                        >
                            {said.forget}
                        </button>
                    </li>
                ))}
            </ul>
        </Step>
    )
}
