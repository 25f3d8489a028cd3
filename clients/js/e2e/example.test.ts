import { expect, test } from 'vitest'
import { code, newPhone, open, usable, useBrowser, wrongCode } from './browser.js'
import { signIn, useExample } from './example.js'

useBrowser()

const address = useExample()

const orders = (cookie: string) => fetch(address() + '/api/orders', { headers: { cookie } })

test('somebody signs in by phone, and out again', async () => {
    const page = await open(address(), { refused: [400, 401, 403] })
    await usable(page, 'example-sign-in')
    const phone = newPhone()
    await page.getByLabel('Phone number').fill(phone)
    await page.getByRole('button', { name: 'Send code' }).click()
    const right = await code(phone)
    await page.getByLabel('Code', { exact: true }).fill(wrongCode(right))
    await page.getByText('That code is not right. 4 tries left.').waitFor()
    const planted = (await page.context().cookies())[0]!
    await page.getByLabel('Code', { exact: true }).fill('')
    await page.getByLabel('Code', { exact: true }).fill(right)
    await page.waitForURL(address() + '/home')
    await page.getByText('A table for two').waitFor()
    await usable(page, 'example-home')
    const [cookie] = await page.context().cookies()
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' })
    // Whoever had planted the cookie of before has nothing.
    expect(cookie!.value).not.toBe(planted.value)
    expect((await orders(`web_login=${planted.value}`)).status).toBe(401)
    expect((await orders(`web_login=${cookie!.value}`)).status).toBe(200)
    // A page for another role leads home.
    await page.goto(address() + '/dashboard')
    await page.waitForURL(address() + '/home')
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.waitForURL(address() + '/')
    expect((await orders(`web_login=${cookie!.value}`)).status).toBe(401)
    await page.goto(address() + '/home')
    await page.waitForURL(address() + '/')
})

test('somebody who signs in as usual confirms a code before the application is there', async () => {
    const page = await open(address())
    await signIn(page, 'ann')
    await page.waitForURL(address() + '/dashboard')
    await page.getByRole('dialog', { name: 'Confirm that it is you' }).waitFor()
    await usable(page, 'example-overlay')
    const [cookie] = await page.context().cookies()
    // The overlay is no lock: the server is.
    expect((await orders(`web_login=${cookie!.value}`)).status).toBe(403)
    await page.getByRole('button', { name: 'Send code' }).click()
    await page.getByText(/We sent a code to \+41\*+01\./).waitFor()
    await page.getByLabel('Code', { exact: true }).fill(await code('+41790000101'))
    await page.getByText('A table for two').waitFor()
    await usable(page, 'example-dashboard')
})

test('somebody without codes goes straight through, somebody without a number is asked for one', async () => {
    const bob = await open(address())
    await signIn(bob, 'bob')
    await bob.waitForURL(address() + '/staff/home')
    await bob.getByText('A table for two').waitFor()

    const eve = await open(address())
    await signIn(eve, 'eve')
    await eve.waitForURL(address() + '/agent/home')
    const phone = newPhone()
    await eve.getByLabel('Phone number').fill(phone)
    await eve.getByRole('button', { name: 'Send code' }).click()
    await eve.getByLabel('Code', { exact: true }).fill(await code(phone))
    await eve.getByText('A table for two').waitFor()
})

test('a code belongs to the browser that asked for it', async () => {
    const page = await open(address())
    const phone = newPhone()
    const sent = page.waitForResponse(/\/otp\/send$/)
    await page.getByLabel('Phone number').fill(phone)
    await page.getByRole('button', { name: 'Send code' }).click()
    const { session_id } = (await (await sent).json()) as { session_id: string }
    const answer = await fetch(address() + '/otp/verify', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ session_id, otp: await code(phone) }),
    })
    expect(answer.status).toBe(410)
    expect(answer.headers.get('set-cookie')).toMatch(/HttpOnly; SameSite=Strict/)
})

test('another site can do nothing with the cookie', async () => {
    const post = (headers: Record<string, string>) =>
        fetch(address() + '/logout', { method: 'POST', headers, body: '{}' })
    expect((await post({ 'content-type': 'application/json', origin: 'https://other.example' })).status).toBe(403)
    expect((await post({ 'content-type': 'application/json', origin: 'null' })).status).toBe(403)
    expect((await post({ 'content-type': 'text/plain' })).status).toBe(415)
})
