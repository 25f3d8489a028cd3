import { expect, test } from 'vitest'
import {
    changeNumber,
    createTwoFactor,
    deviceName,
    deviceStore,
    redeemResetToken,
    requirementOf,
    resetPassword,
} from '../src/account.js'
import { createSmsClient, type SmsError } from '../src/index.js'
import { gateway, refusal, SENT, session, until } from './gateway.js'

/** A storage of a test's own. */
function storage() {
    const kept = new Map<string, string>()
    return {
        kept,
        getItem: (name: string) => kept.get(name) ?? null,
        setItem: (name: string, value: string) => void kept.set(name, value),
        removeItem: (name: string) => void kept.delete(name),
    }
}

test('the second factor is set up, shown and taken back by the doors of its user', async () => {
    const sms = await gateway()
    const state = {
        user_id: 'a/b',
        method: 'app',
        app_enrolled: true,
        app_since: null,
        backup_codes_remaining: 9,
        devices: 1,
    }
    const device = { id: 'd 1', name: 'Firefox', created_at: 'c', last_used_at: null, expires_at: 'e' }
    const own = '/users/a%2Fb'
    sms.on(own + '/two-factor', { body: state })
        .on(own + '/two-factor/app', {
            status: 201,
            body: { secret: 'AAAA', otpauth_url: 'o', qr_svg: '<svg/>', expires_at: 'e' },
        })
        .on(own + '/two-factor/app/confirm', { body: { method: 'app' } })
        .on(own + '/two-factor/backup-codes', { status: 201, body: { codes: ['a', 'b'] } })
        .on(own + '/two-factor/verify', {
            body: { verified: true, method: 'app', device_token: 't', backup_codes_remaining: 9 },
        })
        .on(own + '/devices', { body: { devices: [device] } })
        .on(own + '/devices/d%201', { status: 204 })
    const factors = createTwoFactor({ baseUrl: sms.url, token: 'a-token', userId: 'a/b' })
    expect(await factors.twoFactor()).toMatchObject({ method: 'app', appEnrolled: true, backupCodesRemaining: 9 })
    expect(await factors.setMethod('none')).toMatchObject({ userId: 'a/b' })
    expect(await factors.enrolApp()).toEqual({ secret: 'AAAA', otpauthUrl: 'o', qrSvg: '<svg/>', expiresAt: 'e' })
    expect(await factors.confirmApp('123456')).toEqual({ method: 'app', backupCodes: [] })
    expect(await factors.makeBackupCodes()).toEqual(['a', 'b'])
    expect(
        await factors.verifySecondFactor({ method: 'app', code: '1', rememberDevice: 'Firefox' }),
    ).toMatchObject({ deviceToken: 't', backupCodesRemaining: 9 })
    expect((await factors.listDevices())[0]).toMatchObject({ name: 'Firefox', createdAt: 'c' })
    expect(await factors.forgetDevice('d 1')).toBeUndefined()
    sms.on(own + '/two-factor/app', { status: 204 }).on(own + '/devices', { status: 204 })
    expect(await factors.removeApp()).toBeUndefined()
    expect(await factors.forgetAllDevices()).toBeUndefined()
    expect(sms.heard.map(({ method, path, body }) => [method, path.slice(own.length), body])).toEqual([
        ['GET', '/two-factor', ''],
        ['PUT', '/two-factor', { method: 'none' }],
        ['POST', '/two-factor/app', ''],
        ['POST', '/two-factor/app/confirm', { code: '123456' }],
        ['POST', '/two-factor/backup-codes', ''],
        ['POST', '/two-factor/verify', { method: 'app', code: '1', remember_device: 'Firefox' }],
        ['GET', '/devices', ''],
        ['DELETE', '/devices/d%201', ''],
        ['DELETE', '/two-factor/app', ''],
        ['DELETE', '/devices', ''],
    ])
    expect(new Set(sms.heard.map(({ headers }) => headers.authorization))).toEqual(new Set(['Bearer a-token']))
})

test('your own server can stand in, which knows whose factor it is', async () => {
    const sms = await gateway()
    sms.on('/account/devices', { body: { devices: [] } })
    expect(await createTwoFactor({ baseUrl: sms.url + '/account/' }).listDevices()).toEqual([])
    expect(sms.heard[0]!.headers).not.toHaveProperty('authorization')
})

test('refusals of an account are said in words for people', async () => {
    const sms = await gateway()
    sms.on('/two-factor', refusal('verification-required', 403))
    const error: SmsError = await createTwoFactor({ baseUrl: sms.url })
        .setMethod('none')
        .then(
            () => expect.fail('was not refused'),
            (error) => error,
        )
    expect(error).toMatchObject({ code: 'verification-required', status: 403 })
    expect(error.message).toMatch(/Confirm a code first/)
})

test('a wrong code of an app is not checked twice when its answer is lost', async () => {
    const sms = await gateway()
    sms.on('/two-factor/verify', { lost: true })
    const verify = createTwoFactor({ baseUrl: sms.url, token: 't' }).verifySecondFactor({ method: 'app', code: '1' })
    await expect(verify).rejects.toMatchObject({ code: 'network', outcomeUnknown: true })
    expect(sms.asked('/two-factor/verify')).toBe(1)
})

test('a device brings its token once and keeps the next one, until it helps no more', async () => {
    const sms = await gateway()
    sms.on(
        '/otp-requirement',
        { body: { required: false, reason: 'remembered_device', device_token: 't-2' } },
        { body: { required: false, reason: 'verified_recently' } },
        { body: { required: true, reason: 'due' } },
    )
    const factors = createTwoFactor({ baseUrl: sms.url })
    const kept = storage()
    const device = deviceStore('ann', kept)
    const ask = () => requirementOf(device, (deviceToken) => factors.otpRequirement({ within: 15, deviceToken }))
    device.set('t-1')
    expect(await ask()).toMatchObject({ required: false, reason: 'remembered_device' })
    expect([...kept.kept]).toEqual([['smsgw-device:ann', 't-2']])
    // Not needed, not used up.
    await ask()
    expect(device.get()).toBe('t-2')
    expect(await ask()).toMatchObject({ required: true })
    expect(kept.kept.size).toBe(0)
    await ask()
    expect(sms.heard.map(({ body }) => body)).toEqual([
        { within: 15, device_token: 't-1' },
        { within: 15, device_token: 't-2' },
        { within: 15, device_token: 't-2' },
        { within: 15 },
    ])
})

test('a token stays if nobody could say whether it is good', async () => {
    const device = deviceStore('ann', storage())
    device.set('t-1')
    await expect(requirementOf(device, () => Promise.reject(new Error('away')))).rejects.toThrow('away')
    expect(device.get()).toBe('t-1')
})

test('a browser that keeps nothing remembers nothing, and nothing breaks', () => {
    // Here there is no localStorage at all.
    const device = deviceStore('ann')
    device.set('t-1')
    expect(device.get()).toBeUndefined()
})

test.each([
    ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox on Linux'],
    [
        'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1',
        'Safari on iPhone',
    ],
    [
        'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0',
        'Edge on Windows',
    ],
    ['Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36', 'Chrome on Android'],
    ['', 'A browser on a device'],
])('%s is called %s', (agent, name) => expect(deviceName(agent)).toBe(name))

test('another number: of somebody else it is refused, and another one can be given at once', async () => {
    const sms = await gateway()
    sms.on('/otp/send', SENT).on('/otp/sessions/s-1', session())
    sms.on('/otp/verify', refusal('phone-taken', 409), { body: { verified: true } })
    const client = createSmsClient({ baseUrl: sms.url, token: 'a-token' })
    const flow = changeNumber({ client })
    expect(await flow.start('+41790000002')).toBe(true)
    expect(sms.heard[0]!.body).toEqual({ phone: '+41790000002', purpose: 'change_phone' })
    expect(await flow.confirm('123456')).toBe(false)
    expect(flow.get()).toMatchObject({ status: 'idle', cooldown: 0, error: { code: 'phone-taken' } })
    expect(flow.get().sessionId).toBeUndefined()
    expect(flow.get().error!.message).toBe('This number cannot be used. Try another one.')
    expect(await flow.start('+41790000003')).toBe(true)
    expect(await flow.confirm('123456')).toBe(true)
    expect(flow.get().status).toBe('verified')
})

test('a right code of a password reset brings the token that a server redeems, once', async () => {
    const sms = await gateway()
    sms.on('/otp/send', SENT).on('/otp/sessions/s-1', session())
    sms.on('/otp/verify', { body: { verified: true, reset_token: 'r-1', reset_expires_at: 'e' } })
    sms.on('/otp/reset-tokens/redeem', { lost: true }, { body: { user_id: 'ann', phone: '+41', session_id: 's-1' } })
    const flow = resetPassword({ client: createSmsClient({ baseUrl: sms.url, publishableKey: 'pk_page' }) })
    await flow.start('+41790000002')
    expect(sms.heard[0]!.body).toEqual({ phone: '+41790000002', purpose: 'password_reset' })
    await flow.confirm('123456')
    const { resetToken } = flow.get()
    expect(resetToken).toBe('r-1')
    const redeemed = await redeemResetToken({ baseUrl: sms.url, token: 'a-key' }, resetToken!)
    expect(redeemed).toEqual({ userId: 'ann', phone: '+41', sessionId: 's-1' })
    // The answer got lost, and the key gives it again.
    const redemptions = sms.heard.filter(({ path }) => path.endsWith('/redeem'))
    expect(redemptions.map(({ body }) => body)).toEqual([{ token: 'r-1' }, { token: 'r-1' }])
    expect(new Set(redemptions.map(({ headers }) => headers['idempotency-key'])).size).toBe(1)
    // What the flow had proven is not there any more once it is begun anew.
    await flow.start('+41790000002')
    expect(flow.get()).toMatchObject({ status: 'sent', resetToken: undefined, token: undefined })
})

test('a right code of a reset whose answer is lost asks for another: its token is gone', async () => {
    const sms = await gateway()
    sms.on('/otp/send', SENT).on('/otp/verify', { lost: true })
    sms.on('/otp/sessions/s-1', session({ status: 'verified' }))
    const flow = resetPassword({ client: createSmsClient({ baseUrl: sms.url, publishableKey: 'pk_page' }) })
    await flow.start('+41790000002')
    expect(await flow.confirm('123456')).toBe(false)
    await until(() => expect(flow.get()).toMatchObject({ status: 'expired', error: { code: 'network' } }))
})

test('this device is remembered with a right code, if that is wanted', async () => {
    const sms = await gateway()
    sms.on('/otp/verify', { body: { verified: true, device_token: 't-1', device_expires_at: 'e' } })
    const client = createSmsClient({ baseUrl: sms.url, token: 'a-token' })
    const verified = await client.verifyOtp({ sessionId: 's-1', otp: '123456', rememberDevice: 'Firefox on Linux' })
    expect(verified).toEqual({ verified: true, deviceToken: 't-1', deviceExpiresAt: 'e' })
    expect(sms.heard[0]!.body).toEqual({ session_id: 's-1', otp: '123456', remember_device: 'Firefox on Linux' })
})
