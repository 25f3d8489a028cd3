import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createSmsClient, type FlowOptions, OtpFlow } from '../src/index.js'
import { type Gateway, gateway, refusal, SENT, session, until } from './gateway.js'

/** A flow that somebody looks at. */
function flowOf(sms: Gateway, options: Partial<FlowOptions> = {}) {
    const client = createSmsClient({ baseUrl: sms.url, publishableKey: 'pk_page' })
    const flow = new OtpFlow(() => ({ client, ...options }))
    onTestFinished(flow.subscribe(() => {}))
    return flow
}

const short = { status: 202, body: { ...(SENT.body as object), resend_after: 1 } }

describe('a code', () => {
    test('is sent, counted down by what the gateway says, and verified', async () => {
        const sms = await gateway()
        sms.on('/otp/send', SENT)
            .on('/otp/sessions/s-1', session())
            .on('/otp/verify', { body: { verified: true, token: 'proof' } })
        const flow = flowOf(sms, { token: true, purpose: 'verify_phone' })
        expect(flow.get()).toEqual({ status: 'idle', cooldown: 0 })
        expect(await flow.start('+41790000001')).toBe(true)
        expect(flow.get()).toMatchObject({
            status: 'sent',
            sessionId: 's-1',
            phone: '+41790000001',
            attemptsRemaining: 5,
            cooldown: 30,
        })
        expect(sms.heard[0]!.body).toEqual({ phone: '+41790000001', purpose: 'verify_phone' })
        await until(() => expect(flow.get().expiresIn).toBe(599))
        await until(() => expect(flow.get().expiresIn).toBe(598))
        expect(flow.get().cooldown).toBeLessThan(30)
        expect(await flow.confirm('123456')).toBe(true)
        expect(flow.get()).toMatchObject({ status: 'verified', token: 'proof', expiresIn: undefined, error: undefined })
    })

    test('that is wrong costs a try and can be typed again', async () => {
        const sms = await gateway()
        sms.on('/otp/send', SENT).on('/otp/sessions/s-1', session())
        sms.on('/otp/verify', refusal('otp-wrong', 400, { attempts_remaining: 4 }), { body: { verified: true } })
        const flow = flowOf(sms)
        await flow.start('+41')
        expect(await flow.confirm('000000')).toBe(false)
        expect(flow.get()).toMatchObject({ status: 'sent', attemptsRemaining: 4, error: { code: 'otp-wrong' } })
        expect(await flow.confirm('123456')).toBe(true)
        expect(flow.get().error).toBeUndefined()
    })

    test.each([
        ['otp-locked', 429, 'locked'],
        ['otp-expired', 410, 'expired'],
        ['otp-used', 410, 'expired'],
    ])('%s ends the session, and another begins at once', async (code, status, state) => {
        const sms = await gateway()
        sms.on('/otp/send', SENT).on('/otp/sessions/s-1', session())
        sms.on('/otp/verify', refusal(code, status, { attempts_remaining: 0 }))
        const flow = flowOf(sms)
        await flow.start('+41')
        expect(await flow.confirm('000000')).toBe(false)
        expect(flow.get()).toMatchObject({ status: state, attemptsRemaining: 0, cooldown: 0, error: { code } })
        expect(await flow.start()).toBe(true)
        expect(sms.asked('/otp/send')).toBe(2)
        expect(sms.heard.filter(({ path }) => path === '/otp/send').map(({ body }) => body.phone)).toEqual([
            '+41',
            '+41',
        ])
    })

    test('of a locked phone waits for as long as the gateway says', async () => {
        const sms = await gateway()
        sms.on('/otp/send', SENT).on('/otp/sessions/s-1', session())
        sms.on('/otp/verify', refusal('otp-locked', 429, { attempts_remaining: 0 }, 1800))
        const flow = flowOf(sms)
        await flow.start('+41')
        await flow.confirm('000000')
        expect(flow.get()).toMatchObject({ status: 'locked', cooldown: 1800 })
    })

    test('whose check got no answer counts if the session says that it was right', async () => {
        const sms = await gateway()
        sms.on('/otp/send', SENT).on('/otp/sessions/s-1', session(), session({ status: 'verified', expires_in: 0 }))
        sms.on('/otp/verify', { lost: true })
        const flow = flowOf(sms)
        await flow.start('+41')
        await until(() => expect(flow.get().expiresIn).toBeGreaterThan(0))
        expect(await flow.confirm('123456')).toBe(true)
        expect(flow.get().status).toBe('verified')
        expect(sms.asked('/otp/verify')).toBe(1)
    })

    test('whose proof got lost is asked for anew', async () => {
        const sms = await gateway()
        sms.on('/otp/send', SENT).on('/otp/sessions/s-1', session(), session({ status: 'verified' }))
        sms.on('/otp/verify', { lost: true })
        const flow = flowOf(sms, { token: true })
        await flow.start('+41')
        await until(() => expect(flow.get().expiresIn).toBeGreaterThan(0))
        expect(await flow.confirm('123456')).toBe(false)
        expect(flow.get()).toMatchObject({ status: 'expired', error: { code: 'network' } })
    })

    test('whose check was lost and not made leaves the field as it was', async () => {
        const sms = await gateway()
        sms.on('/otp/send', SENT)
            .on('/otp/sessions/s-1', session({ attempts_remaining: 4 }))
            .on('/otp/verify', { lost: true })
        const flow = flowOf(sms)
        await flow.start('+41')
        expect(await flow.confirm('123456')).toBe(false)
        expect(flow.get()).toMatchObject({ status: 'sent', attemptsRemaining: 4, error: { code: 'network' } })
    })
})

describe('a send', () => {
    test('that is refused leaves the form, with the wait', async () => {
        const sms = await gateway()
        sms.on('/otp/send', refusal('rate-limited', 429, {}, 60))
        const flow = flowOf(sms)
        expect(await flow.start('+41')).toBe(false)
        expect(flow.get()).toMatchObject({ status: 'idle', cooldown: 60, error: { code: 'rate-limited' } })
    })

    test('happens once, however often it is clicked', async () => {
        const sms = await gateway()
        sms.on('/otp/send', SENT).on('/otp/sessions/s-1', session())
        const flow = flowOf(sms)
        expect(await Promise.all([flow.start('+41'), flow.start('+41'), flow.resend()])).toEqual([true, false, false])
        expect(sms.asked('/otp/send') + sms.asked('/otp/resend')).toBe(1)
    })

    test('by other means goes on with the session that it names', async () => {
        const sms = await gateway()
        sms.on('/otp/sessions/s-9', session({ session_id: 's-9', resend_after: 7 }))
        const flow = flowOf(sms, { start: async () => ({ sessionId: 's-9' }) })
        expect(await flow.start()).toBe(true)
        await until(() =>
            expect(flow.get()).toMatchObject({ sessionId: 's-9', phone: '+41*******01', cooldown: 7, expiresIn: 599 }),
        )
        expect(sms.asked('/otp/send')).toBe(0)
    })

    test('by other means that fails says so in its own words', async () => {
        const start = () => Promise.reject(new Error('The shop is closed.'))
        const flow = flowOf(await gateway(), { start })
        expect(await flow.start()).toBe(false)
        expect(flow.get()).toMatchObject({ status: 'idle', error: { message: 'The shop is closed.' } })
    })

    test('too early keeps the session and takes up the wait', async () => {
        const sms = await gateway()
        sms.on('/otp/send', SENT).on('/otp/sessions/s-1', session())
        sms.on('/otp/resend', refusal('otp-cool-down', 429, { attempts_remaining: 5 }, 17), short)
        const flow = flowOf(sms)
        await flow.start('+41')
        expect(await flow.resend()).toBe(false)
        expect(flow.get()).toMatchObject({ status: 'sent', cooldown: 17, error: { code: 'otp-cool-down' } })
        expect(await flow.resend()).toBe(true)
        expect(flow.get()).toMatchObject({ status: 'sent', cooldown: 1, error: undefined })
        await until(() => expect(flow.get().cooldown).toBe(29))
    })

    test('of more codes than a session has says so', async () => {
        const sms = await gateway()
        sms.on('/otp/send', SENT)
            .on('/otp/sessions/s-1', session())
            .on('/otp/resend', refusal('otp-send-limit', 429, {}, 400))
        const flow = flowOf(sms)
        await flow.start('+41')
        await flow.resend()
        expect(flow.get()).toMatchObject({ status: 'sent', cooldown: 400, error: { code: 'otp-send-limit' } })
    })
})

describe('time', () => {
    test("is the gateway's: at the end of the countdown it is asked, and may give more", async () => {
        const sms = await gateway()
        sms.on('/otp/send', SENT)
        sms.on('/otp/sessions/s-1', session({ expires_in: 1 }), session({ expires_in: 300 }))
        const flow = flowOf(sms)
        await flow.start('+41')
        await until(() => expect(flow.get().expiresIn).toBe(300))
        expect(flow.get().status).toBe('sent')
    })

    test('expires a code when the gateway says so', async () => {
        const sms = await gateway()
        sms.on('/otp/send', SENT)
        sms.on(
            '/otp/sessions/s-1',
            session({ expires_in: 1 }),
            session({ expires_in: 0, status: 'expired', attempts_remaining: 0 }),
        )
        const flow = flowOf(sms)
        await flow.start('+41')
        await until(() => expect(flow.get().status).toBe('expired'))
        expect(flow.get()).toMatchObject({ error: { code: 'otp-expired' }, expiresIn: undefined, cooldown: 0 })
    })

    test('of the device changes nothing', async () => {
        const sms = await gateway()
        sms.on('/otp/send', SENT).on('/otp/sessions/s-1', session())
        vi.useFakeTimers({ toFake: ['Date'], now: new Date('2031-01-01') })
        onTestFinished(() => void vi.useRealTimers())
        const flow = flowOf(sms)
        await flow.start('+41')
        await until(() => expect(flow.get()).toMatchObject({ status: 'sent', expiresIn: 599 }))
    })
})

describe('a session', () => {
    test('that was begun elsewhere goes on', async () => {
        const sms = await gateway()
        sms.on('/otp/sessions/s-1', session({ attempts_remaining: 2 }))
        const flow = flowOf(sms)
        expect(await flow.resume('s-1')).toBe(true)
        expect(flow.get()).toMatchObject({
            status: 'sent',
            attemptsRemaining: 2,
            phone: '+41*******01',
            cooldown: 29,
            expiresIn: 599,
        })
    })

    test.each([
        ['verified', 'verified'],
        ['expired', 'expired'],
        ['superseded', 'expired'],
        ['locked', 'locked'],
        ['send_failed', 'failed'],
        ['pending', 'sent'],
    ])('%s looks %s', async (status, looks) => {
        const sms = await gateway()
        sms.on('/otp/sessions/s-1', session({ status }))
        const flow = flowOf(sms)
        await flow.resume('s-1')
        expect(flow.get().status).toBe(looks)
    })

    test('is left when another number is wanted, and its answer with it', async () => {
        const sms = await gateway()
        sms.on('/otp/send', { silent: true })
        const flow = flowOf(sms)
        const sent = flow.start('+41')
        await expect.poll(() => sms.asked('/otp/send')).toBe(1)
        flow.reset()
        expect(await sent).toBe(false)
        expect(flow.get()).toEqual({ status: 'idle', cooldown: 0 })
    })

    test('of which nobody sees anything any more is not asked about', async () => {
        const sms = await gateway()
        sms.on('/otp/send', { silent: true })
        const client = createSmsClient({ baseUrl: sms.url })
        const flow = new OtpFlow(() => ({ client }))
        const stop = flow.subscribe(() => {})
        const sent = flow.start('+41')
        await expect.poll(() => sms.asked('/otp/send')).toBe(1)
        stop()
        expect(await sent).toBe(false)
        expect(flow.get()).toEqual({ status: 'idle', cooldown: 0 })
    })
})
