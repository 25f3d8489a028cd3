import { describe, expect, test } from 'vitest'
import { createSmsClient, SmsError } from '../src/index.js'
import { gateway, problem, refusal, SENT, session } from './gateway.js'

const PAGE = 'pk_page'
/** A page's client. */
const page = (baseUrl: string) => createSmsClient({ baseUrl, publishableKey: PAGE })
/** A server's, or a user's. */
const server = (baseUrl: string) => createSmsClient({ baseUrl, token: 'a-token' })
const refused = async (promise: Promise<unknown>): Promise<SmsError> => {
    const error = await promise.then(
        () => undefined,
        (error: unknown) => error,
    )
    expect(error).toBeInstanceOf(SmsError)
    return error as SmsError
}

describe('doors', () => {
    test('a code is asked for, looked at and checked by the names of the documents', async () => {
        const sms = await gateway()
        sms.on('/otp/send', SENT)
            .on('/otp/sessions/s-1', session())
            .on('/otp/verify', { body: { verified: true, token: 'proof' } })
        const client = page(sms.url + '/')
        expect(await client.sendOtp({ phone: '+41 79', userId: 'ann', purpose: undefined })).toEqual({
            sessionId: 's-1',
            expiresAt: '2026-11-22T15:19:13.507Z',
            resendAfter: 30,
            attemptsRemaining: 5,
        })
        expect((await client.otpSession('s-1')).expiresIn).toBe(599)
        expect(await client.verifyOtp({ sessionId: 's-1', otp: '123456', token: true })).toEqual({
            verified: true,
            token: 'proof',
        })
        expect(sms.heard.map(({ method, path, body }) => [method, path, body])).toEqual([
            ['POST', '/otp/send', { phone: '+41 79', user_id: 'ann' }],
            ['GET', '/otp/sessions/s-1', ''],
            ['POST', '/otp/verify', { session_id: 's-1', otp: '123456', token: true }],
        ])
        expect(new Set(sms.heard.map(({ headers }) => headers.authorization))).toEqual(new Set(['Bearer pk_page']))
    })

    test('ids are escaped in paths', async () => {
        const sms = await gateway()
        await refused(server(sms.url).otpRequirement('../ann?', { within: 15 }))
        expect(sms.heard[0]!.path).toBe('/users/..%2Fann%3F/otp-requirement?within=15')
    })

    test('admin doors keep the names of variables and settings', async () => {
        const sms = await gateway()
        sms.on('/sms/send-transactional', { status: 202, body: { message_id: 'm-1', status: 'queued' } })
        sms.on('/settings/api/x', { body: { provider_templates: { a_b: 1 } } })
        const client = server(sms.url)
        expect(
            await client.sendTemplate({ to: '+41', template: 'booked', vars: { first_name: 'Ann', lastName: 'B' } }),
        ).toEqual({
            messageId: 'm-1',
            status: 'queued',
        })
        expect(sms.heard[0]!.body.vars).toEqual({ first_name: 'Ann', lastName: 'B' })
        expect(await client.settings.put('/settings/api/x', { settings: { baseUrl: 'u' } })).toEqual({
            provider_templates: { a_b: 1 },
        })
        expect(sms.heard[1]!.body).toEqual({ settings: { baseUrl: 'u' } })
    })

    test('a page has no admin doors, and cannot be given a secret key', () => {
        expect(Object.keys(page('http://x'))).not.toContain('sendTemplate')
        expect(Object.keys(page('http://x'))).not.toContain('settings')
        expect(() => createSmsClient({ baseUrl: 'http://x', publishableKey: 'sk_secret' })).toThrow(/smsgw keys create/)
    })

    test('a token that is renewed is asked for at each call', async () => {
        const sms = await gateway()
        sms.on('/otp/sessions/s-1', session())
        let made = 0
        const client = createSmsClient({ baseUrl: sms.url, token: async () => `t${++made}` })
        await client.otpSession('s-1')
        await client.otpSession('s-1')
        expect(sms.heard.map(({ headers }) => headers.authorization)).toEqual(['Bearer t1', 'Bearer t2'])
    })
})

describe('refusals', () => {
    test('say what to do in plain words, with what the gateway counts', async () => {
        const sms = await gateway()
        sms.on('/otp/verify', refusal('otp-wrong', 400, { attempts_remaining: 4 }))
        sms.on('/otp/resend', refusal('otp-cool-down', 429, { attempts_remaining: 4 }, 29))
        const wrong = await refused(page(sms.url).verifyOtp({ sessionId: 's-1', otp: '000000' }))
        expect(wrong).toMatchObject({
            code: 'otp-wrong',
            status: 400,
            attemptsRemaining: 4,
            requestId: 'r-1',
            outcomeUnknown: false,
        })
        expect(wrong.message).toBe('That code is not right.')
        const early = await refused(page(sms.url).resendOtp({ sessionId: 's-1' }))
        expect(early).toMatchObject({ code: 'otp-cool-down', status: 429, retryAfter: 29 })
    })

    test('a field that a person typed has words for them; others keep the cure for developers', async () => {
        const sms = await gateway()
        sms.on(
            '/otp/send',
            refusal('invalid-request', 400, { errors: [{ field: 'phone', message: 'set SMSGW_DEFAULT_REGION' }] }),
            refusal('unauthorized', 401),
        )
        expect((await refused(page(sms.url).sendOtp({ phone: '12' }))).message).toMatch(/country code/)
        expect((await refused(page(sms.url).sendOtp({ phone: '12' }))).message).toBe('detail of unauthorized')
    })

    test('an answer of something else is told so', async () => {
        const sms = await gateway()
        sms.on('/otp/sessions/s-1', { status: 200, body: '<html>' })
        const error = await refused(page(sms.url).otpSession('s-1'))
        expect(error).toMatchObject({ code: 'unexpected-answer', status: 200 })
        expect(error.message).toMatch(/baseUrl/)
    })
})

describe('repeats', () => {
    test('an answer that is lost is not asked for again by a page: it could send a second text', async () => {
        const sms = await gateway()
        sms.on('/otp/send', { lost: true }, SENT)
        const error = await refused(page(sms.url).sendOtp({ phone: '+41' }))
        expect(error).toMatchObject({ code: 'network', status: 0, outcomeUnknown: true })
        expect(error.detail).toMatch(/--origins/)
        expect(sms.asked('/otp/send')).toBe(1)
        expect(sms.heard[0]!.headers).not.toHaveProperty('idempotency-key')
    })

    test('with a token it is repeated under one key', async () => {
        const sms = await gateway()
        sms.on('/otp/send', { lost: true }, refusal('unavailable', 503, {}, 0), SENT)
        expect((await server(sms.url).sendOtp({ phone: '+41' })).sessionId).toBe('s-1')
        const keys = sms.heard.map(({ headers }) => headers['idempotency-key'])
        expect(keys).toHaveLength(3)
        expect(new Set(keys).size).toBe(1)
        expect(keys[0]).toMatch(/^[\d-]{4,}$/)
        await server(sms.url).sendOtp({ phone: '+41' })
        expect(sms.heard[3]!.headers['idempotency-key']).not.toBe(keys[0])
    })

    test('a key of the caller is kept', async () => {
        const sms = await gateway()
        sms.on('/otp/send', SENT)
        await server(sms.url).sendOtp({ phone: '+41' }, { idempotencyKey: 'login-7' })
        expect(sms.heard[0]!.headers['idempotency-key']).toBe('login-7')
    })

    test('what was surely not done is repeated, not before Retry-After', async () => {
        const sms = await gateway()
        sms.on('/otp/verify', refusal('overloaded', 503, {}, 1), { body: { verified: true } })
        const began = performance.now()
        await page(sms.url).verifyOtp({ sessionId: 's-1', otp: '123456' })
        expect(performance.now() - began).toBeGreaterThanOrEqual(999)
        expect(sms.asked('/otp/verify')).toBe(2)
    })

    test('a check whose outcome is unknown is not made twice', async () => {
        const sms = await gateway()
        sms.on('/otp/verify', refusal('unavailable', 503, {}, 0))
        expect(await refused(page(sms.url).verifyOtp({ sessionId: 's-1', otp: '1' }))).toMatchObject({
            outcomeUnknown: true,
        })
        expect(sms.asked('/otp/verify')).toBe(1)
    })

    test('reading is repeated, three times at most', async () => {
        const sms = await gateway()
        sms.on('/otp/sessions/s-1', { lost: true })
        expect(await refused(page(sms.url).otpSession('s-1'))).toMatchObject({ code: 'network', outcomeUnknown: false })
        expect(sms.asked('/otp/sessions/s-1')).toBe(3)
    })

    test.each([
        ['a limit, however short', refusal('rate-limited', 429, {}, 1)],
        ['a longer wait than people have patience for', refusal('overloaded', 503, {}, 60)],
        ['a refusal', refusal('otp-expired', 410, { attempts_remaining: 0 })],
    ])('%s is told at once', async (_, answer) => {
        const sms = await gateway()
        sms.on('/otp/send', answer)
        await refused(server(sms.url).sendOtp({ phone: '+41' }))
        expect(sms.asked('/otp/send')).toBe(1)
    })

    test('a proxy that fails may hide that it was done', async () => {
        const sms = await gateway()
        sms.on('/otp/send', { status: 502, body: '<html>bad gateway' })
        expect(await refused(page(sms.url).sendOtp({ phone: '+41' }))).toMatchObject({
            code: 'unavailable',
            status: 502,
            outcomeUnknown: true,
        })
        expect(sms.asked('/otp/send')).toBe(1)
    })
})

describe('abort', () => {
    test('ends a call that waits for its answer, with the reason', async () => {
        const sms = await gateway()
        sms.on('/otp/send', { silent: true })
        const controller = new AbortController()
        const call = page(sms.url).sendOtp({ phone: '+41' }, { signal: controller.signal })
        const reason = new Error('the user went away')
        setTimeout(() => controller.abort(reason))
        await expect(call).rejects.toBe(reason)
    })

    test('ends the wait between two tries', async () => {
        const sms = await gateway()
        sms.on('/otp/verify', refusal('overloaded', 503, {}, 4))
        const controller = new AbortController()
        const call = page(sms.url).verifyOtp({ sessionId: 's', otp: '1' }, { signal: controller.signal })
        await expect.poll(() => sms.asked('/otp/verify')).toBe(1)
        controller.abort()
        await expect(call).rejects.toThrow(/abort/i)
        expect(sms.asked('/otp/verify')).toBe(1)
    })

    test('a signal that is over asks for nothing', async () => {
        const sms = await gateway()
        await expect(page(sms.url).otpSession('s-1', { signal: AbortSignal.abort() })).rejects.toThrow()
        expect(sms.heard).toEqual([])
    })
})

test('what the gateway says is not mistaken for a problem of the line', async () => {
    const sms = await gateway()
    sms.on('/otp/send', { status: 500, body: problem('internal', 500) })
    expect(await refused(page(sms.url).sendOtp({ phone: '+41' }))).toMatchObject({ code: 'internal', status: 500 })
})
