// @vitest-environment happy-dom
import { act, cleanup, configure, fireEvent, render, screen, waitFor, within } from '@testing-library/react'
import { StrictMode } from 'react'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createTwoFactor, deviceStore } from '../src/account.js'
import { createSmsClient } from '../src/index.js'
import { ChangeNumber, OtpOverlay, PasswordReset, RememberedDevices, TwoFactorSetup } from '../src/react.js'
import { type Gateway, gateway, refusal, SENT, session } from './gateway.js'

afterEach(cleanup)
beforeEach(() => localStorage.clear())
configure({ asyncUtilTimeout: 5000 })

const clientOf = (sms: Gateway) => createSmsClient({ baseUrl: sms.url, token: 'a-token' })
const factorsOf = (sms: Gateway) => createTwoFactor({ baseUrl: sms.url, token: 'a-token', userId: 'ann' })
const button = (name: string) => screen.getByRole('button', { name })
/** As people do: once it can be clicked. */
async function click(name: string) {
    await waitFor(() => expect(button(name).getAttribute('aria-disabled')).not.toBe('true'))
    await act(async () => fireEvent.click(button(name)))
}
const flow = () => document.querySelector('otp-verify')!.flow
async function type(label: string, text: string, action: string) {
    fireEvent.input(await screen.findByLabelText(label), { target: { value: text } })
    await click(action)
}

describe('OtpOverlay', () => {
    const DUE = { required: true, reason: 'due', phone: '+41*******01' }
    const REQUIREMENT = '/users/ann/otp-requirement'
    const overlay = (sms: Gateway) => {
        const factors = factorsOf(sms)
        render(
            <StrictMode>
                <OtpOverlay
                    client={clientOf(sms)}
                    factors={factors}
                    device={deviceStore('ann')}
                    deviceName="My browser"
                    requirement={({ deviceToken, signal }) => factors.otpRequirement({ deviceToken }, { signal })}
                >
                    the application
                </OtpOverlay>
            </StrictMode>,
        )
    }

    test('asks an app first if that is chosen, and takes its code', async () => {
        const sms = await gateway()
        sms.on(
            REQUIREMENT,
            { body: { ...DUE, method: 'app', methods: ['sms', 'app', 'backup_code'] } },
            { body: { required: false } },
        )
        sms.on(
            '/users/ann/two-factor/verify',
            refusal('otp-wrong', 400, { attempts_remaining: 4 }),
            { body: { verified: true, method: 'app', backup_codes_remaining: 10 } },
        )
        overlay(sms)
        await type('Code of your app', '000000', 'Confirm')
        expect((await screen.findByRole('alert')).textContent).toBe('That code is not right. 4 tries left.')
        expect(screen.getByLabelText('Code of your app').getAttribute('aria-invalid')).toBe('true')
        expect(screen.queryByText('the application')).toBeNull()
        await type('Code of your app', '123456', 'Confirm')
        await screen.findByText('the application')
        expect(sms.heard.map(({ body }) => body)).toContainEqual({ method: 'app', code: '123456' })
        expect(localStorage.length).toBe(0)
    })

    test('lets a backup code stand in for a text, and goes back', async () => {
        const sms = await gateway()
        sms.on(
            REQUIREMENT,
            { body: { ...DUE, method: 'sms', methods: ['sms', 'backup_code'] } },
            { body: { required: false } },
        )
        sms.on('/users/ann/two-factor/verify', { body: { verified: true, method: 'backup_code' } })
        overlay(sms)
        await screen.findByRole('dialog')
        expect(document.querySelector('otp-verify')).not.toBeNull()
        expect(screen.queryByRole('button', { name: 'Use your app' })).toBeNull()
        await click('Use a backup code')
        expect(document.activeElement).toBe(screen.getByLabelText('Backup code'))
        await click('Send me a text message')
        expect(document.querySelector('otp-verify')).not.toBeNull()
        await click('Use a backup code')
        await type('Backup code', 'abcde-fghjk', 'Confirm')
        await screen.findByText('the application')
        expect(sms.heard.map(({ body }) => body)).toContainEqual({ method: 'backup_code', code: 'abcde-fghjk' })
    })

    test('remembers the device that is ticked, by a text and by an app, and shows its token the next time', async () => {
        const sms = await gateway()
        sms.on(REQUIREMENT, { body: { ...DUE, method: 'sms', methods: ['sms'] } }, { body: { required: false } })
        sms.on('/otp/send', SENT).on('/otp/sessions/s-1', session())
        sms.on('/otp/verify', { body: { verified: true, device_token: 't-1' } })
        overlay(sms)
        fireEvent.click(await screen.findByLabelText('Remember this device'))
        await act(() => flow().start('+41790000001'))
        await act(() => flow().confirm('123456'))
        await screen.findByText('the application')
        expect(sms.heard.find(({ path }) => path === '/otp/verify')!.body.remember_device).toBe('My browser')
        expect(localStorage.getItem('smsgw-device:ann')).toBe('t-1')

        cleanup()
        sms.on(REQUIREMENT, { body: { required: false, reason: 'remembered_device', device_token: 't-2' } })
        const asked = sms.asked(REQUIREMENT)
        overlay(sms)
        await screen.findByText('the application')
        // Once, though development builds begin twice: a token is good for one use.
        expect(sms.asked(REQUIREMENT)).toBe(asked + 1)
        expect(sms.heard.at(-1)!.body).toEqual({ device_token: 't-1' })
        expect(localStorage.getItem('smsgw-device:ann')).toBe('t-2')

        cleanup()
        sms.on(REQUIREMENT, { body: { ...DUE, method: 'app', methods: ['app'] } }, { body: { required: false } })
        sms.on('/users/ann/two-factor/verify', { body: { verified: true, method: 'app', device_token: 't-3' } })
        overlay(sms)
        fireEvent.click(await screen.findByLabelText('Remember this device'))
        expect(localStorage.getItem('smsgw-device:ann')).toBeNull()
        await type('Code of your app', '123456', 'Confirm')
        await screen.findByText('the application')
        expect(localStorage.getItem('smsgw-device:ann')).toBe('t-3')
    })

    test('offers neither other ways nor a box where the page has not said how', async () => {
        const sms = await gateway()
        render(
            <OtpOverlay
                client={clientOf(sms)}
                requirement={async () => ({ required: true, method: 'app', methods: ['app', 'backup_code'] })}
            />,
        )
        const dialog = await screen.findByRole('dialog')
        expect(dialog.querySelector('otp-verify')).not.toBeNull()
        expect(within(dialog).queryAllByRole('button')).toEqual([])
        expect(dialog.querySelector('input[type=checkbox]')).toBeNull()
    })
})

describe('TwoFactorSetup', () => {
    const STATE = { user_id: 'ann', app_enrolled: false, app_since: null, backup_codes_remaining: 0, devices: 0 }
    const CODES = Array.from({ length: 10 }, (_, index) => `code-${index}`)
    const own = (path = '') => '/users/ann/two-factor' + path

    test('enrols an app: picture, key, first code, backup codes', async () => {
        const sms = await gateway()
        const svg = '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>'
        sms.on(own(), { body: { ...STATE, method: 'sms' } })
        const enrolment = { secret: 'ABCDEFGHIJ', otpauth_url: 'o', qr_svg: svg, expires_at: '' }
        sms.on(own('/app'), { status: 201, body: enrolment })
        sms.on(own('/app/confirm'), refusal('otp-wrong', 400), { body: { method: 'app', backup_codes: CODES } })
        const onChange = vi.fn()
        render(
            <StrictMode>
                <TwoFactorSetup factors={factorsOf(sms)} onChange={onChange} />
            </StrictMode>,
        )
        await screen.findByText(/a code is sent to your phone/)
        await click('Use an app')
        const picture = await screen.findByRole('img', { name: 'QR code for your app' })
        // Shown as a picture, in which nothing runs; never as a part of the page.
        expect(picture.getAttribute('src')).toBe('data:image/svg+xml;charset=utf-8,' + encodeURIComponent(svg))
        expect(document.querySelector('script, svg')).toBeNull()
        screen.getByText('ABCD EFGH IJ')
        await type('Code of your app', '000000', 'Confirm')
        await screen.findByText('That code is not right.')
        sms.on(own(), { body: { ...STATE, method: 'app', app_enrolled: true, backup_codes_remaining: 10 } })
        await type('Code of your app', '123456', 'Confirm')
        await screen.findByText('code-9')
        expect(screen.getAllByRole('listitem').map((item) => item.textContent)).toEqual(CODES)
        const file = screen.getByRole('link', { name: 'Save as a file' }).getAttribute('href')!
        expect(decodeURIComponent(file)).toContain(CODES.join('\n'))
        const enrolled = expect.objectContaining({ method: 'app' })
        await waitFor(() => expect(onChange).toHaveBeenCalledExactlyOnceWith(enrolled))
        await click('I have kept them')
        await screen.findByText(/an app on your phone shows the code\. 10 backup codes are left/)
        expect(screen.queryByText('code-9')).toBeNull()
    })

    test('shows new backup codes even if nothing else can be asked then', async () => {
        const sms = await gateway()
        sms.on(own(), { body: { ...STATE, method: 'sms', backup_codes_remaining: 1 } }, refusal('internal', 500))
        sms.on(own('/backup-codes'), { status: 201, body: { codes: CODES } })
        render(<TwoFactorSetup factors={factorsOf(sms)} />)
        await screen.findByText(/One backup code is left/)
        const copied = vi.fn(async (_: string) => {})
        vi.stubGlobal('navigator', { ...navigator, clipboard: { writeText: copied } })
        await click('New backup codes')
        await screen.findByText('code-0')
        await click('Copy')
        vi.unstubAllGlobals()
        expect(copied).toHaveBeenCalledExactlyOnceWith(CODES.join('\n'))
        await screen.findByText('Copied.')
    })

    test('says why something cannot be changed, and is switched on, over and off', async () => {
        const sms = await gateway()
        sms.on(own(), refusal('internal', 500), { body: { ...STATE, method: 'none' } })
        render(<TwoFactorSetup factors={factorsOf(sms)} />)
        await screen.findByRole('alert')
        await click('Try again')
        await screen.findByText('It is off.')
        expect(screen.queryByRole('button', { name: 'New backup codes' })).toBeNull()
        sms.on(own(), refusal('verification-required', 403))
        await click('Use text messages')
        expect((await screen.findByRole('alert')).textContent).toMatch(/Confirm a code first/)
        const errors = [{ field: 'method', message: 'needs a number' }]
        sms.on(own(), refusal('invalid-request', 400, { errors }))
        await click('Use text messages')
        await screen.findByText('Add a phone number first.')
        sms.on(own(), { body: { ...STATE, method: 'app', app_enrolled: true } })
        await click('Use text messages')
        await screen.findByText(/an app on your phone/)
        sms.on(own('/app'), { status: 204 }).on(own(), { body: { ...STATE, method: 'none' } })
        await click('Remove the app')
        await screen.findByText('It is off.')
        expect(sms.heard.map(({ method, body }) => [method, body])).toContainEqual(['PUT', { method: 'sms' }])
    })
})

test('remembered devices are listed and forgotten one by one', async () => {
    const sms = await gateway()
    const device = (id: string, name: string) => ({ id, name, created_at: '2026-11-22T15:09:13Z', last_used_at: null })
    sms.on('/users/ann/devices', { body: { devices: [device('d-1', 'Firefox'), device('d-2', 'Safari')] } })
    sms.on('/users/ann/devices/d-1', { status: 204 })
    render(<RememberedDevices factors={factorsOf(sms)} />)
    await screen.findByText('Safari')
    sms.on('/users/ann/devices', { body: { devices: [device('d-2', 'Safari')] } })
    await click('Forget: Firefox')
    await waitFor(() => expect(screen.queryByText('Firefox')).toBeNull())
    expect(sms.heard.filter(({ method }) => method === 'DELETE').map(({ path }) => path)).toEqual([
        '/users/ann/devices/d-1',
    ])
})

describe('ChangeNumber', () => {
    test('to a new number; one of somebody else is refused', async () => {
        const sms = await gateway()
        sms.on('/otp/send', SENT).on('/otp/sessions/s-1', session())
        sms.on('/otp/verify', refusal('phone-taken', 409), { body: { verified: true } })
        const onChanged = vi.fn()
        render(<ChangeNumber client={clientOf(sms)} onChanged={onChanged} />)
        await act(() => flow().start('+41790000002'))
        expect(sms.heard[0]!.body).toEqual({ phone: '+41790000002', purpose: 'change_phone' })
        await act(() => flow().confirm('123456'))
        const shadow = document.querySelector('otp-verify')!.shadowRoot!
        expect(shadow.querySelector('[role=alert]')!.textContent).toMatch(/cannot be used/)
        expect(shadow.querySelector('#phone')!.closest('[hidden]')).toBeNull()
        await act(() => flow().start('+41790000003'))
        expect(onChanged).not.toHaveBeenCalled()
        await act(() => flow().confirm('123456'))
        expect(onChanged).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ sessionId: 's-1' }))
    })

    test('confirms the number of now first where the gateway wants that, and keeps what was typed', async () => {
        const sms = await gateway()
        sms.on('/otp/send', refusal('old-phone-unverified', 409), SENT).on('/otp/sessions/s-1', session())
        sms.on('/otp/verify', { body: { verified: true } })
        const onChanged = vi.fn()
        render(<ChangeNumber client={clientOf(sms)} currentPhone="+41790000001" onChanged={onChanged} />)
        await act(() => flow().start('+41790000002'))
        await screen.findByText('First confirm the number that you have now.')
        expect(document.querySelector('otp-verify')!.getAttribute('known-phone')).toBe('+41790000001')
        await act(() => flow().start())
        await act(() => flow().confirm('123456'))
        await screen.findByText('Which is your new number?')
        expect(onChanged).not.toHaveBeenCalled()
        expect(document.querySelector('otp-verify')!.shadowRoot!.querySelector<HTMLInputElement>('#phone')!.value).toBe(
            '+41790000002',
        )
        await act(() => flow().start('+41790000002'))
        await act(() => flow().confirm('123456'))
        expect(onChanged).toHaveBeenCalledOnce()
        expect(sms.heard.filter(({ path }) => path === '/otp/send').map(({ body }) => body)).toEqual([
            { phone: '+41790000002', purpose: 'change_phone' },
            { phone: '+41790000001', purpose: 'change_phone' },
            { phone: '+41790000002', purpose: 'change_phone' },
        ])
    })
})

describe('PasswordReset', () => {
    test('number, code, password: the token goes to the server of the page', async () => {
        const sms = await gateway()
        sms.on('/otp/send', SENT).on('/otp/sessions/s-1', session())
        sms.on('/otp/verify', { body: { verified: true, reset_token: 'r-1' } })
        const onReset = vi.fn(async () => {})
        onReset.mockRejectedValueOnce(new Error('No account has this number.'))
        render(<PasswordReset client={clientOf(sms)} onReset={onReset} />)
        await act(() => flow().start('+41790000001'))
        expect(sms.heard[0]!.body).toEqual({ phone: '+41790000001', purpose: 'password_reset' })
        await act(() => flow().confirm('123456'))
        const field = await screen.findByLabelText('New password')
        expect(field.getAttribute('type')).toBe('password')
        expect(field.getAttribute('autocomplete')).toBe('new-password')
        expect(document.activeElement).toBe(field)
        await type('New password', 'short', 'Save')
        await screen.findByText('Use at least 8 characters.')
        expect(onReset).not.toHaveBeenCalled()
        await type('New password', 'long enough', 'Save')
        await screen.findByText('No account has this number.')
        fireEvent.click(screen.getByLabelText('Show it'))
        expect(field.getAttribute('type')).toBe('text')
        await click('Save')
        await screen.findByText(/Your password is changed/)
        expect(onReset).toHaveBeenLastCalledWith(
            { resetToken: 'r-1', password: 'long enough' },
            { signal: expect.any(AbortSignal) },
        )
    })

    test('can begin again', async () => {
        const sms = await gateway()
        sms.on('/otp/send', SENT).on('/otp/sessions/s-1', session())
        sms.on('/otp/verify', { body: { verified: true, reset_token: 'r-1' } })
        render(<PasswordReset client={clientOf(sms)} onReset={async () => {}} />)
        await act(() => flow().start('+41790000001'))
        await act(() => flow().confirm('123456'))
        await screen.findByLabelText('New password')
        await click('Begin again')
        expect(flow().get().status).toBe('idle')
    })
})
