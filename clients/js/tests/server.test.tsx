import { renderToString } from 'react-dom/server'
import { expect, test } from 'vitest'
import { createTwoFactor } from '../src/account.js'
import { createSmsClient } from '../src/index.js'
import {
    ChangeNumber,
    OtpOverlay,
    PasswordReset,
    PhoneVerificationModal,
    RememberedDevices,
    TwoFactorSetup,
} from '../src/react.js'

const client = createSmsClient({ baseUrl: 'http://127.0.0.1:1' })

test('a server without a browser around it renders the parts', () => {
    expect(globalThis.document).toBeUndefined()
    const modal = renderToString(<PhoneVerificationModal client={client} open onClose={() => {}} phone="+41" />)
    expect(modal).toMatch(/<otp-verify phone="\+41"/)
    const overlay = renderToString(
        <OtpOverlay client={client} requirement={async () => ({ required: false })}>
            the application
        </OtpOverlay>,
    )
    expect(overlay).not.toMatch(/the application/)
    const factors = createTwoFactor({ baseUrl: 'http://127.0.0.1:1' })
    expect(renderToString(<TwoFactorSetup factors={factors} />)).toMatch(/Two-step sign-in/)
    expect(renderToString(<RememberedDevices factors={factors} />)).toMatch(/Remembered devices/)
    expect(renderToString(<ChangeNumber client={client} />)).toMatch(/<otp-verify/)
    expect(renderToString(<PasswordReset client={client} onReset={async () => {}} />)).toMatch(/<otp-verify/)
})
