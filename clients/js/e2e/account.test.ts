/** React's parts of an account, on a page that has the user's own token and calls the gateway itself. */

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { appCode, code, newPhone, open, usable, useBrowser } from './browser.js'
import { address, server, user } from './users.js'

useBrowser()

test('an app is enrolled by its picture or its key, and brings backup codes', async () => {
    const ann = await user({ otp_enabled: false })
    const page = await open(address('/account', ann), {
        refused: [400],
        permissions: ['clipboard-read', 'clipboard-write'],
    })
    await page.getByText('It is off.').waitFor()
    await usable(page, 'account')
    await page.getByRole('button', { name: 'Use an app' }).click()
    const picture = page.getByRole('img', { name: 'QR code for your app' })
    // It is shown, under a policy that lets no SVG be a part of the page.
    await expect.poll(() => picture.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(100)
    expect(await page.locator('svg').count()).toBe(0)
    await usable(page, 'account-app')
    const secret = (await page.locator('code').textContent())!
    expect(secret.replace(/ /g, '')).toMatch(/^[A-Z2-7]{32}$/)
    const field = page.getByLabel('Code of your app')
    const right = appCode(secret)
    await field.fill(right.replace(/^\d/, (digit) => String((Number(digit) + 5) % 10)))
    await field.press('Enter')
    await page.getByText(/That code is not right\./).waitFor()
    expect(await field.evaluate((node) => node === document.activeElement)).toBe(true)
    await field.fill(appCode(secret))
    await field.press('Enter')
    await page.getByText('Keep these codes').waitFor()
    await usable(page, 'account-codes')
    const codes = await page.locator('ol code').allTextContents()
    expect(new Set(codes).size).toBe(10)
    await page.getByRole('button', { name: 'Copy' }).click()
    await page.getByText('Copied.').waitFor()
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(codes.join('\n'))
    const saving = page.waitForEvent('download')
    await page.getByRole('link', { name: 'Save as a file' }).click()
    const saved = await saving
    expect(saved.suggestedFilename()).toBe('backup-codes.txt')
    expect(readFileSync(await saved.path(), 'utf8')).toBe(codes.join('\n') + '\n')
    await page.getByRole('button', { name: 'I have kept them' }).click()
    await page.getByText('an app on your phone shows the code. 10 backup codes are left.').waitFor()
    // Whoever was in there is not lost.
    expect(await page.evaluate(() => document.activeElement?.getAttribute('role'))).toBe('status')
    expect(await server().factorsOf(ann.user).twoFactor()).toMatchObject({ method: 'app', backupCodesRemaining: 10 })
    await page.getByRole('button', { name: 'Remove the app' }).click()
    await page.getByText('It is off.').waitFor()
})

test('who has a factor must have shown it lately to change it', async () => {
    const ann = await user({ phone: newPhone(), otp_enabled: true })
    const page = await open(address('/account', ann), { refused: [403] })
    await page.getByText('a code is sent to your phone').waitFor()
    await page.getByRole('button', { name: 'Switch it off' }).click()
    await page.getByText('Confirm a code first').waitFor()
    await usable(page, 'account-refused')
    expect(await server().factorsOf(ann.user).twoFactor()).toMatchObject({ method: 'sms' })
})

test('a backup code opens the application once', async () => {
    const ann = await user({ phone: newPhone(), otp_enabled: true })
    const [backupCode = ''] = await server().factorsOf(ann.user).makeBackupCodes()
    const page = await open(address('/app', { ...ann, role: 'admin' }), { refused: [400] })
    await page.getByRole('button', { name: 'Use a backup code' }).click()
    const field = page.getByLabel('Backup code')
    expect(await field.evaluate((node) => node === document.activeElement)).toBe(true)
    await usable(page, 'account-backup-code')
    await page.keyboard.type('00000-00000')
    await page.keyboard.press('Enter')
    await page.getByText('That code is not right.').waitFor()
    expect(await page.getByText('The application').count()).toBe(0)
    // What was wrong is selected: typing replaces it. As people type it.
    await page.keyboard.type(backupCode.toUpperCase().replace('-', ' '))
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'The application' }).waitFor()
    expect(await server().factorsOf(ann.user).twoFactor()).toMatchObject({ backupCodesRemaining: 9 })
    const again = server().factorsOf(ann.user).verifySecondFactor({ method: 'backup_code', code: backupCode })
    await expect(again).rejects.toMatchObject({ code: 'otp-used' })
})

/** What was just confirmed counts for a minute. */
const LONG = { timeout: 150_000 }

test('a remembered device needs no code, each time with another token, until it is forgotten', LONG, async () => {
    const phone = newPhone()
    const ann = await user({ phone, otp_enabled: true })
    const factors = server().factorsOf(ann.user)
    const page = await open(address('/app', { ...ann, role: 'admin' }))
    const application = page.getByRole('heading', { name: 'The application' })
    const token = () => page.evaluate((user) => localStorage.getItem('smsgw-device:' + user), ann.user)
    await page.getByLabel('Remember this device').check()
    await page.getByRole('button', { name: 'Send code' }).click()
    await usable(page, 'account-remember')
    await page.getByLabel('Code', { exact: true }).fill(await code(phone))
    await application.waitFor()
    const first = await token()
    expect(first).toMatch(/^[\w-]{40,}$/)
    // Then it is the device that does it.
    const isDue = async () => (await server().sms.otpRequirement(ann.user, { within: 1 })).reason
    await expect.poll(isDue, { timeout: 90_000, interval: 1000 }).toBe('due')
    await page.reload()
    await application.waitFor()
    const second = await token()
    expect(second).toMatch(/^[\w-]{40,}$/)
    expect(second).not.toBe(first)
    // Two tabs at once, while the answers are slow: one after the other, each with a token of its own.
    const other = await page.context().newPage()
    await page.context().route('**/otp-requirement', async (route) => {
        const response = await route.fetch()
        await new Promise((done) => setTimeout(done, 1000))
        await route.fulfill({ response })
    })
    await Promise.all([page.reload(), other.goto(page.url())])
    await application.waitFor()
    await other.getByRole('heading', { name: 'The application' }).waitFor()
    await other.close()
    await page.context().unroute('**/otp-requirement')
    // Another browser is none that is remembered.
    const elsewhere = await open(page.url())
    await elsewhere.getByRole('dialog').waitFor()

    expect(await factors.listDevices()).toMatchObject([{ name: 'Chrome on Linux' }])
    await page.goto(address('/account', ann))
    await page.getByText('On these you sign in without a code.').waitFor()
    await usable(page, 'account-devices')
    await page.getByRole('button', { name: 'Forget: Chrome on Linux' }).click()
    await page.getByText('There are none.').waitFor()
    await page.goto(address('/app', { ...ann, role: 'admin' }))
    await page.getByRole('dialog').waitFor()
    expect(await token()).toBeNull()
})

test('another number: confirmed, and refused if it is somebody else’s', async () => {
    const [taken, next] = [newPhone(), newPhone()]
    const ann = await user({ otp_enabled: false })
    await own(taken, (await user({ otp_enabled: false })).user)
    const page = await open(address('/account', ann), { refused: [409] })
    await page.getByLabel('Phone number').fill(taken)
    await page.getByRole('button', { name: 'Send code' }).click()
    await page.getByLabel('Code', { exact: true }).fill(await code(taken, 2))
    await page.getByText('This number cannot be used. Try another one.').waitFor()
    await usable(page, 'account-taken')
    // The code is used up; another number can be given at once.
    await page.getByLabel('Phone number').fill(next)
    await page.getByRole('button', { name: 'Send code' }).click()
    await page.getByLabel('Code', { exact: true }).fill(await code(next))
    await expect.poll(() => page.locator('#changed').textContent()).toBe('changed')
    expect(await server().sms.settings.get(`/users/${ann.user}/phone`)).toMatchObject({ phone: next })
})

test('another number, after the one of now where that is the rule', async () => {
    const { sms } = server()
    const [before, next] = [newPhone(), newPhone()]
    const ann = await user({ otp_enabled: false })
    await own(before, ann.user)
    await sms.settings.put('/settings/identity', { change_needs_old: true })
    try {
        const page = await open(address('/account', { ...ann, phone: before }), { refused: [409] })
        await page.getByLabel('Phone number').fill(next)
        await page.getByRole('button', { name: 'Send code' }).click()
        await page.getByText('First confirm the number that you have now.').waitFor()
        await usable(page, 'account-current')
        await page.getByRole('button', { name: 'Send code' }).click()
        await page.getByLabel('Code', { exact: true }).fill(await code(before, 2))
        await page.getByText('Which is your new number?').waitFor()
        // Not to be typed again.
        await expect.poll(() => page.getByLabel('Phone number').inputValue()).toBe(next)
        await page.getByRole('button', { name: 'Send code' }).click()
        await page.getByLabel('Code', { exact: true }).fill(await code(next))
        await expect.poll(() => page.locator('#changed').textContent()).toBe('changed')
    } finally {
        await sms.settings.put('/settings/identity', { change_needs_old: false })
    }
    expect(await sms.settings.get(`/users/${ann.user}/phone`)).toMatchObject({ phone: next })
})

/** Makes a number somebody's, as a sign-up does. */
async function own(phone: string, userId: string): Promise<void> {
    const { sms } = server()
    const { sessionId } = await sms.sendOtp({ phone, purpose: 'verify_phone', userId })
    await sms.verifyOtp({ sessionId, otp: await code(phone) })
}
