/** The example's accounts from sign-up to a new password: its server holds the key, and each step is that server's. */

import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { appCode, code, newPhone, open, usable, useBrowser } from './browser.js'
import { signIn, useExample } from './example.js'
import { server } from './users.js'

useBrowser()
const address = useExample()

let accounts = 0

/** Somebody who has signed up and whose number was confirmed, on the page of their orders. */
async function account(refused: number[] = []) {
    const [name, phone] = [`user${process.pid}x${++accounts}`, newPhone()]
    const page = await open(address(), { refused: [403, ...refused] })
    await signIn(page, name, 'a password', 'Make an account')
    await page.waitForURL(address() + '/home')
    await page.getByLabel('Phone number').fill(phone)
    await page.getByRole('button', { name: 'Send code' }).click()
    await page.getByLabel('Code', { exact: true }).fill(await code(phone))
    await page.getByText('A table for two').waitFor()
    return { page, name, phone }
}

/** Out, and in again by name and password. */
async function again(page: Page, name: string, password = 'a password'): Promise<void> {
    await page.goto(address() + '/home')
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.waitForURL(address() + '/')
    await signIn(page, name, password)
    await page.waitForURL(address() + '/home')
}

const orders = async (page: Page) => (await page.request.get(address() + '/api/orders')).status()

test('somebody signs up, and has nothing before their number is confirmed', async () => {
    const page = await open(address(), { refused: [400, 403, 409] })
    await signIn(page, 'ann', 'a password', 'Make an account')
    await page.getByText('Somebody is called that already.').waitFor()
    await signIn(page, 'newcomer', 'short', 'Make an account')
    await page.getByText('Use at least 8 characters.').waitFor()
    await signIn(page, 'newcomer', 'a password', 'Make an account')
    await page.getByRole('dialog').waitFor()
    await usable(page, 'example-sign-up')
    expect(await orders(page)).toBe(403)
    const phone = newPhone()
    await page.getByLabel('Phone number').fill(phone)
    await page.getByRole('button', { name: 'Send code' }).click()
    await page.getByLabel('Code', { exact: true }).fill(await code(phone))
    await page.getByText('A table for two').waitFor()
    expect(await orders(page)).toBe(200)
    // The number is theirs, for the gateway too.
    expect(await server().sms.settings.get('/users/newcomer/phone')).toMatchObject({ phone })
})

test('a login has two steps, each time and in each browser', async () => {
    const { page, name, phone } = await account()
    await again(page, name)
    await page.getByText(/We text a code to \+41\*+\d\d\./).waitFor()
    expect(await orders(page)).toBe(403)
    await page.getByRole('button', { name: 'Send code' }).click()
    await page.getByLabel('Code', { exact: true }).fill(await code(phone, 2))
    await page.getByText('A table for two').waitFor()
    const elsewhere = await open(address(), { refused: [403] })
    await signIn(elsewhere, name, 'not that')
    await elsewhere.getByText('Name or password is wrong.').waitFor()
    await signIn(elsewhere, name, 'a password')
    await elsewhere.getByRole('dialog').waitFor()
    expect(await orders(elsewhere)).toBe(403)
    // The password alone changes nothing of the second step either.
    const made = await elsewhere.request.post(address() + '/account/two-factor/backup-codes', {
        headers: { origin: address() },
    })
    expect(made.status()).toBe(403)
})

test('a backup code stands in for the phone, once', async () => {
    const { page, name } = await account([410])
    await page.getByRole('link', { name: 'Your account' }).click()
    await page.getByRole('button', { name: 'New backup codes' }).click()
    await page.getByText('Keep these codes').waitFor()
    await usable(page, 'example-account')
    const [backupCode = ''] = await page.locator('ol code').allTextContents()
    const use = async () => {
        await page.getByRole('button', { name: 'Use a backup code' }).click()
        await page.getByLabel('Backup code').fill(backupCode)
        await page.getByRole('button', { name: 'Confirm' }).click()
    }
    await again(page, name)
    await use()
    await page.getByText('A table for two').waitFor()
    expect(await orders(page)).toBe(200)
    await again(page, name)
    await use()
    await page.getByText('This code was already used.').waitFor()
    expect(await orders(page)).toBe(403)
})

test('an app takes the place of texts', async () => {
    const { page, name } = await account([400])
    await page.getByRole('link', { name: 'Your account' }).click()
    await page.getByRole('button', { name: 'Use an app' }).click()
    const secret = (await page.locator('code').textContent())!
    await page.getByLabel('Code of your app').fill(appCode(secret))
    await page.getByRole('button', { name: 'Confirm' }).click()
    await page.getByText('Keep these codes').waitFor()
    await again(page, name)
    const field = page.getByLabel('Code of your app')
    await field.waitFor()
    await usable(page, 'example-app')
    // Whoever chose an app is not let in by a text.
    expect(await page.getByRole('button', { name: 'Send me a text message' }).count()).toBe(0)
    const send = { headers: { origin: address() }, data: { phone: newPhone() } }
    expect((await page.request.post(address() + '/second-factor/otp/send', send)).status()).toBe(403)
    await field.fill(appCode('A'.repeat(32)))
    await field.press('Enter')
    await page.getByText('That code is not right.').waitFor()
    // The one of now is used up by the enrolment.
    await field.fill(appCode(secret, 1))
    await field.press('Enter')
    await page.getByText('A table for two').waitFor()
})

test('a remembered device needs the password alone, until it is forgotten', { timeout: 150_000 }, async () => {
    const { page, name, phone } = await account()
    await again(page, name)
    await page.getByLabel('Remember this device').check()
    await page.getByRole('button', { name: 'Send code' }).click()
    await page.getByLabel('Code', { exact: true }).fill(await code(phone, 2))
    await page.getByText('A table for two').waitFor()
    // The gateway asks for the device once what was confirmed last does not count any more.
    const reason = async () => (await server().sms.otpRequirement(name, { within: 1 })).reason
    await expect.poll(reason, { timeout: 90_000, interval: 1000 }).toBe('due')
    await again(page, name)
    await page.getByText('A table for two').waitFor()
    expect(await orders(page)).toBe(200)
    await page.getByRole('link', { name: 'Your account' }).click()
    await page.getByRole('button', { name: 'Forget: Chrome on Linux' }).click()
    await page.getByText('There are none.').waitFor()
    await again(page, name)
    await page.getByRole('dialog').waitFor()
    expect(await orders(page)).toBe(403)
})

test('another number is where the codes go from then on; one of somebody else is refused', async () => {
    const other = await account()
    const { page, name, phone } = await account([409])
    await page.getByRole('link', { name: 'Your account' }).click()
    const shown = (number: string) => page.getByText(`Codes are sent to +41*******${number.slice(-2)}.`)
    await shown(phone).waitFor()
    const change = async (number: string, count: number) => {
        await page.getByLabel('Phone number').fill(number)
        await page.getByRole('button', { name: 'Send code' }).click()
        await page.getByLabel('Code', { exact: true }).fill(await code(number, count))
    }
    await change(other.phone, 2)
    await page.getByText('This number cannot be used.').waitFor()
    const next = newPhone()
    await change(next, 1)
    await shown(next).waitFor()
    await again(page, name)
    await page.getByRole('button', { name: 'Send code' }).click()
    await page.getByLabel('Code', { exact: true }).fill(await code(next, 2))
    await page.getByText('A table for two').waitFor()
})

test('who forgot the password chooses another one by phone, and other browsers are out', async () => {
    const { page, phone, name } = await account([401])
    const elsewhere = await open(address() + '/reset', { refused: [404] })
    await elsewhere.getByLabel('Phone number').fill(phone)
    await elsewhere.getByRole('button', { name: 'Send code' }).click()
    await elsewhere.getByLabel('Code', { exact: true }).fill(await code(phone, 2))
    const field = elsewhere.getByLabel('New password', { exact: true })
    await field.waitFor()
    expect(await field.evaluate((node) => node === document.activeElement)).toBe(true)
    await usable(elsewhere, 'example-reset')
    await field.fill('another password')
    const sent = elsewhere.waitForRequest(/\/password-reset$/)
    await field.press('Enter')
    await elsewhere.getByText('Your password is changed.').waitFor()
    // What opened it opens nothing any more.
    const { reset_token } = (await sent).postDataJSON()
    const data = { reset_token, password: 'a third password' }
    const replay = await elsewhere.request.post(address() + '/password-reset', { headers: { origin: address() }, data })
    expect(replay.status()).toBe(410)
    expect(await orders(page)).toBe(401)
    await page.goto(address())
    await signIn(page, name, 'a password')
    await page.getByText('Name or password is wrong.').waitFor()
    await signIn(page, name, 'another password')
    await page.waitForURL(address() + '/home')
    await page.getByRole('dialog').waitFor()
})

test('a number that is nobody’s opens no account', async () => {
    const phone = newPhone()
    const page = await open(address() + '/reset', { refused: [404] })
    await page.getByLabel('Phone number').fill(phone)
    await page.getByRole('button', { name: 'Send code' }).click()
    await page.getByLabel('Code', { exact: true }).fill(await code(phone))
    await page.getByLabel('New password', { exact: true }).fill('another password')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('No account has this number.').waitFor()
})
