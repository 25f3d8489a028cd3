/** An application of React, one view for each path; what it must know of the gateway is in the query. */

import { createSmsClient } from '@smsgw/client'
import { createTwoFactor, deviceStore } from '@smsgw/client/account'
import {
    ChangeNumber,
    OtpOverlay,
    PhoneVerificationModal,
    ProtectedRoute,
    RememberedDevices,
    TwoFactorSetup,
    useSmsService,
} from '@smsgw/client/react'
import { StrictMode, useState } from 'react'
import { createRoot } from 'react-dom/client'

const query = new URLSearchParams(location.search)
const baseUrl = query.get('gateway')!

/** A form of the application's own around the hook. */
function OwnForm() {
    const [phone, setPhone] = useState('')
    const [code, setCode] = useState('')
    const client = createSmsClient({ baseUrl, publishableKey: query.get('key')! })
    const login = useSmsService({ client, token: true })
    return (
        <>
            <h1>Own form</h1>
            <label>
                Phone <input type="tel" value={phone} onChange={(event) => setPhone(event.target.value)} />
            </label>
            <button onClick={() => login.start(phone)}>Start</button>
            <label>
                Code <input inputMode="numeric" value={code} onChange={(event) => setCode(event.target.value)} />
            </label>
            <button onClick={() => login.confirm(code)}>Check</button>
            <button disabled={login.cooldown > 0} onClick={() => login.resend()}>
                Again
            </button>
            <dl>
                {(['status', 'sessionId', 'cooldown', 'attemptsRemaining', 'expiresIn', 'token'] as const).map(
                    (name) => (
                        <div key={name}>
                            <dt>{name}</dt>
                            <dd id={name}>{login[name]}</dd>
                        </div>
                    ),
                )}
            </dl>
            <p role="alert">{login.error?.message}</p>
        </>
    )
}

function Modal() {
    const [open, setOpen] = useState(false)
    const [confirmed, setConfirmed] = useState('')
    const client = createSmsClient({ baseUrl, publishableKey: query.get('key')! })
    return (
        <>
            <h1>Profile</h1>
            <p id="confirmed">{confirmed}</p>
            <button onClick={() => setOpen(true)}>Confirm a number</button>
            <PhoneVerificationModal
                open={open}
                client={client}
                purpose="verify_phone"
                token
                onClose={() => setOpen(false)}
                onVerified={({ token }) => {
                    setConfirmed(token ?? '')
                    setOpen(false)
                }}
            />
        </>
    )
}

/** By the user's own token. */
function signedIn() {
    const token = query.get('token')!
    const user = query.get('user')!
    return {
        user,
        client: createSmsClient({ baseUrl, token }),
        factors: createTwoFactor({ baseUrl, token, userId: user }),
    }
}

function Account() {
    const { client, factors } = signedIn()
    const [changed, setChanged] = useState('')
    return (
        <>
            <h1>Account</h1>
            <TwoFactorSetup factors={factors} />
            <RememberedDevices factors={factors} />
            <ChangeNumber
                client={client}
                currentPhone={query.get('phone') ?? undefined}
                onChanged={() => setChanged('changed')}
            />
            <p id="changed">{changed}</p>
        </>
    )
}

/** Behind an overlay. */
function Application() {
    const { client, factors, user } = signedIn()
    return (
        <ProtectedRoute
            role={query.get('role')}
            allow={['admin']}
            paths={{ admin: '/app', staff: '/landed/staff' }}
            signIn="/landed/sign-in"
            gate={(page) => (
                <OtpOverlay
                    client={client}
                    factors={factors}
                    device={deviceStore(user)}
                    requirement={({ deviceToken, signal }) =>
                        factors.otpRequirement({ within: 1, deviceToken }, { signal })
                    }
                    start={async ({ signal }) => {
                        const { phone } = await client.settings.get<{ phone: string }>(
                            `/users/${user}/contact-settings`,
                            { signal },
                        )
                        return client.sendOtp({ phone, purpose: 'two_factor' }, { signal })
                    }}
                    onSignOut={() => location.assign('/landed/signed-out')}
                >
                    {page}
                </OtpOverlay>
            )}
        >
            <h1>The application</h1>
        </ProtectedRoute>
    )
}

const VIEWS: Record<string, () => React.ReactNode> = { '/hook': OwnForm, '/modal': Modal, '/app': Application, '/account': Account }
const View = VIEWS[location.pathname] ?? (() => <h1>Landed</h1>)

createRoot(document.querySelector('#root')!).render(
    <StrictMode>
        <View />
    </StrictMode>,
)
