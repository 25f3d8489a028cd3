import { renderToString } from 'react-dom/server'
import { expect, test } from 'vitest'
import { createSmsClient } from '../src/index.js'
import { OtpOverlay, PhoneVerificationModal } from '../src/react.js'

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
})
