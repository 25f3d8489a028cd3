// @vitest-environment happy-dom
import { act, cleanup, configure, fireEvent, render, screen, waitFor } from '@testing-library/react'
import { StrictMode } from 'react'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createSmsClient } from '../src/index.js'
import {
    OtpOverlay,
    type OtpRequirementAnswer,
    PhoneVerificationModal,
    ProtectedRoute,
    useSmsService,
} from '../src/react.js'
import { type Gateway, gateway, refusal, SENT, session } from './gateway.js'

afterEach(cleanup)
// Machines are busy at times.
configure({ asyncUtilTimeout: 5000 })

const clientOf = (sms: Gateway) => createSmsClient({ baseUrl: sms.url, publishableKey: 'pk_page' })

/** A form of an application's own. */
function Login({ sms, sessionId }: { sms: Gateway; sessionId?: string }) {
    const login = useSmsService({ client: clientOf(sms), sessionId })
    return (
        <>
            <output>{JSON.stringify(login)}</output>
            <button onClick={() => login.start('+41790000001')}>start</button>
            <button onClick={() => login.confirm('123456')}>confirm</button>
            <button onClick={() => login.resend()}>resend</button>
            <button onClick={() => login.reset()}>reset</button>
        </>
    )
}

const shown = () => JSON.parse(screen.getByRole('status').textContent!)
const click = (name: string) => act(async () => fireEvent.click(screen.getByRole('button', { name })))

describe('useSmsService', () => {
    test('says what the gateway says, through a login', async () => {
        const sms = await gateway()
        sms.on('/otp/send', SENT).on('/otp/sessions/s-1', session())
        sms.on('/otp/verify', refusal('otp-wrong', 400, { attempts_remaining: 4 }), { body: { verified: true } })
        render(
            <StrictMode>
                <Login sms={sms} />
            </StrictMode>,
        )
        expect(shown()).toEqual({ status: 'idle', cooldown: 0 })
        await click('start')
        await waitFor(() =>
            expect(shown()).toMatchObject({ status: 'sent', sessionId: 's-1', attemptsRemaining: 5, expiresIn: 599 }),
        )
        expect(shown().cooldown).toBeGreaterThan(28)
        await click('confirm')
        await waitFor(() =>
            expect(shown()).toMatchObject({ status: 'sent', attemptsRemaining: 4, error: { code: 'otp-wrong' } }),
        )
        await click('confirm')
        await waitFor(() => expect(shown().status).toBe('verified'))
        await click('reset')
        expect(shown()).toEqual({ status: 'idle', cooldown: 0 })
        expect(sms.asked('/otp/send')).toBe(1)
    })

    test('goes on with a session that is given', async () => {
        const sms = await gateway()
        sms.on('/otp/sessions/s-1', session({ attempts_remaining: 3 }))
        render(
            <StrictMode>
                <Login sms={sms} sessionId="s-1" />
            </StrictMode>,
        )
        await waitFor(() => expect(shown()).toMatchObject({ status: 'sent', attemptsRemaining: 3 }))
    })

    test('leaves nothing running behind', async () => {
        const sms = await gateway()
        sms.on('/otp/send', SENT).on('/otp/sessions/s-1', session({ expires_in: 1 }))
        const { unmount } = render(<Login sms={sms} />)
        await click('start')
        await waitFor(() => expect(shown().expiresIn).toBe(1))
        unmount()
        const asked = sms.heard.length
        // Over the end of the countdown, at which it would ask.
        await new Promise((done) => setTimeout(done, 1500))
        expect(sms.heard).toHaveLength(asked)
    })
})

describe('OtpOverlay', () => {
    const overlay = (sms: Gateway, requirement: () => Promise<OtpRequirementAnswer>, more = {}) =>
        render(
            <OtpOverlay client={clientOf(sms)} requirement={requirement} {...more}>
                <p>the application</p>
            </OtpOverlay>,
        )

    test('lets users through who have codes switched off', async () => {
        overlay(await gateway(), async () => ({ required: false, reason: 'disabled' }))
        await screen.findByText('the application')
        expect(screen.queryByRole('dialog')).toBeNull()
    })

    test('keeps the application away until a code was right and the server says so', async () => {
        const sms = await gateway()
        sms.on('/otp/sessions/s-1', session()).on('/otp/verify', { body: { verified: true } })
        const answers: OtpRequirementAnswer[] = [
            { required: true, reason: 'due', phone: '+41*******01' },
            { required: false },
        ]
        const onVerified = vi.fn()
        overlay(sms, async () => answers.shift()!, { start: async () => ({ sessionId: 's-1' }), onVerified })
        const dialog = await screen.findByRole('dialog')
        expect(dialog.hasAttribute('open')).toBe(true)
        expect(screen.queryByText('the application')).toBeNull()
        const element = dialog.querySelector('otp-verify')!
        expect(element.getAttribute('known-phone')).toBe('+41*******01')
        await act(() => element.flow.start())
        expect(screen.queryByText('the application')).toBeNull()
        await act(() => element.flow.confirm('123456'))
        await screen.findByText('the application')
        expect(screen.queryByRole('dialog')).toBeNull()
        expect(onVerified).toHaveBeenCalledWith(expect.objectContaining({ sessionId: 's-1' }))
    })

    test('stays if the server still wants a code, as after one to another number', async () => {
        const sms = await gateway()
        sms.on('/otp/sessions/s-1', session()).on('/otp/verify', { body: { verified: true } })
        const requirement = vi.fn(async () => ({ required: true, phone: '+41*******01' }))
        overlay(sms, requirement, { start: async () => ({ sessionId: 's-1' }) })
        const element = (await screen.findByRole('dialog')).querySelector('otp-verify')!
        await act(() => element.flow.start())
        await act(() => element.flow.confirm('123456'))
        await waitFor(() => expect(requirement).toHaveBeenCalledTimes(2))
        await waitFor(() => expect(document.querySelector('otp-verify')!.flow.get().status).toBe('idle'))
        expect(screen.queryByText('the application')).toBeNull()
    })

    test('shows nothing if nobody can say, and asks again', async () => {
        const requirement = vi.fn<() => Promise<OtpRequirementAnswer>>()
        requirement.mockRejectedValueOnce(new Error('away')).mockResolvedValueOnce({ required: false })
        overlay(await gateway(), requirement)
        await screen.findByRole('alert')
        expect(screen.queryByText('the application')).toBeNull()
        await click('Try again')
        await screen.findByText('the application')
    })

    test('cannot be left by Esc, but by signing out', async () => {
        const onSignOut = vi.fn()
        overlay(await gateway(), async () => ({ required: true, phone: '+41*******01' }), { onSignOut })
        const dialog = await screen.findByRole('dialog')
        expect(fireEvent.keyDown(dialog, { key: 'Escape' })).toBe(false)
        expect(fireEvent(dialog, new Event('cancel', { cancelable: true }))).toBe(false)
        await act(async () => (dialog as HTMLDialogElement).close())
        expect(dialog.hasAttribute('open')).toBe(true)
        await click('Sign out')
        expect(onSignOut).toHaveBeenCalledOnce()
    })

    test('without a number asks for one', async () => {
        overlay(await gateway(), async () => ({ required: true, reason: 'no_phone', phone: null }))
        const element = (await screen.findByRole('dialog')).querySelector('otp-verify')!
        expect(element.hasAttribute('known-phone')).toBe(false)
    })
})

describe('PhoneVerificationModal', () => {
    test('is there when open, and tells when it is to close or the number is confirmed', async () => {
        const sms = await gateway()
        sms.on('/otp/send', SENT)
            .on('/otp/sessions/s-1', session())
            .on('/otp/verify', { body: { verified: true, token: 'proof' } })
        const onClose = vi.fn()
        const onVerified = vi.fn()
        const modal = (open: boolean) => (
            <PhoneVerificationModal
                client={clientOf(sms)}
                open={open}
                onClose={onClose}
                onVerified={onVerified}
                token
                purpose="verify_phone"
            />
        )
        const { rerender } = render(modal(false))
        expect(screen.queryByRole('dialog')).toBeNull()
        rerender(modal(true))
        const dialog = screen.getByRole('dialog', { name: 'Confirm your phone number' })
        fireEvent(dialog, new Event('cancel', { cancelable: true }))
        await click('Cancel')
        expect(onClose).toHaveBeenCalledTimes(2)
        const element = dialog.querySelector('otp-verify')!
        await act(() => element.flow.start('+41790000001'))
        expect(sms.heard[0]!.body).toEqual({ phone: '+41790000001', purpose: 'verify_phone' })
        await act(() => element.flow.confirm('123456'))
        expect(onVerified).toHaveBeenCalledWith(expect.objectContaining({ token: 'proof' }))
    })
})

describe('ProtectedRoute', () => {
    const PATHS = { super_admin: '/admin/dashboard', admin: '/dashboard', staff: '/staff/home', agent: '/agent/home' }
    const route = (role: keyof typeof PATHS | null | undefined, more = {}) => {
        const navigate = vi.fn()
        render(
            <ProtectedRoute
                role={role}
                allow={['admin', 'super_admin']}
                paths={PATHS}
                signIn="/login"
                navigate={navigate}
                fallback="…"
                {...more}
            >
                the dashboard
            </ProtectedRoute>,
        )
        return navigate
    }

    test('shows it to the roles that may see it', () => {
        const navigate = route('admin')
        expect(document.body.textContent).toBe('the dashboard')
        expect(navigate).not.toHaveBeenCalled()
    })

    test.each([
        ['staff', '/staff/home'],
        ['agent', '/agent/home'],
        [null, '/login'],
    ] as const)('leads %s to %s', (role, path) => {
        expect(route(role)).toHaveBeenCalledExactlyOnceWith(path)
        expect(document.body.textContent).toBe('…')
    })

    test('leads a role without a home to the sign-in', () => {
        expect(route('agent', { paths: {} })).toHaveBeenCalledExactlyOnceWith('/login')
    })

    test('waits as long as nobody knows who it is', () => {
        expect(route(undefined)).not.toHaveBeenCalled()
        expect(document.body.textContent).toBe('…')
    })

    test('opens only behind its gate', async () => {
        const sms = await gateway()
        const gate = (children: any) => (
            <OtpOverlay client={clientOf(sms)} requirement={async () => ({ required: true })}>
                {children}
            </OtpOverlay>
        )
        route('admin', { gate })
        await screen.findByRole('dialog')
        expect(document.body.textContent).not.toMatch('the dashboard')
    })
})
