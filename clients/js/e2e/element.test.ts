import { createPublicKey, verify } from 'node:crypto'
import type { Page } from 'playwright-core'
import { describe, expect, inject, test } from 'vitest'
import { code, newPhone, open, usable, useBrowser, wrongCode } from './browser.js'

useBrowser()

function address(path: string, attributes: Record<string, string> = {}): string {
    const { url, publishableKey } = inject('gateway')
    const query = new URLSearchParams({ 'base-url': url, 'publishable-key': publishableKey, ...attributes })
    return `${inject('pages')}${path}?${query}`
}

const focused = (page: Page) =>
    page.evaluate(() => {
        const inside = document.activeElement?.shadowRoot?.activeElement ?? document.activeElement
        return inside?.id || inside?.textContent || inside?.nodeName
    })

/** Up to where a code can be typed. */
async function sent(page: Page, phone: string): Promise<void> {
    await page.getByLabel('Phone number').fill(phone)
    await page.getByRole('button', { name: 'Send code' }).click()
    await page.getByLabel('Code', { exact: true }).waitFor()
    await page.getByText(/The code is good for/).waitFor()
}

describe('<otp-verify>', () => {
    test('confirms a number with the code that its phone got, and has a proof that a server can check', async () => {
        const page = await open(address('/element', { 'with-token': '' }))
        await usable(page, 'element-phone')
        const phone = newPhone()
        await sent(page, phone)
        await usable(page, 'element-code')
        const token = page.evaluate(
            () =>
                new Promise<string>((done) =>
                    document.addEventListener('otp-verified', ({ detail }: any) => done(detail.token)),
                ),
        )
        await page.getByLabel('Code', { exact: true }).fill(await code(phone))
        await page.getByText('Your number is confirmed.').waitFor()
        await usable(page, 'element-verified')
        const [head, body, signature] = (await token).split('.') as [string, string, string]
        const { keys } = (await (await fetch(inject('gateway').url + '/.well-known/jwks.json')).json()) as any
        const key = { key: createPublicKey({ key: keys[0], format: 'jwk' }), dsaEncoding: 'ieee-p1363' as const }
        expect(verify('sha256', Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url'))).toBe(true)
        expect(JSON.parse(Buffer.from(body, 'base64url').toString())).toMatchObject({
            phone_number: phone,
            purpose: 'login',
        })
    })

    test('is worked by keyboard alone, and the focus is never lost', async () => {
        const page = await open(address('/element'), { refused: [400] })
        const phone = newPhone()
        await page.keyboard.press('Tab')
        expect(await focused(page)).toBe('phone')
        await page.keyboard.type('12')
        await page.keyboard.press('Enter')
        await page.getByText('Check the number.').waitFor()
        expect(await focused(page)).toBe('phone')
        await page.keyboard.press('ControlOrMeta+a')
        await page.keyboard.type(phone)
        await page.keyboard.press('Tab')
        expect(await focused(page)).toBe('Send code')
        await page.keyboard.press('Space')
        await page.getByLabel('Code', { exact: true }).waitFor()
        expect(await focused(page)).toBe('otp')
        const right = await code(phone)
        await page.keyboard.type(wrongCode(right))
        await page.keyboard.press('Enter')
        await page.getByText('That code is not right. 4 tries left.').waitFor()
        expect(await focused(page)).toBe('otp')
        // The wrong one is selected: typing replaces it. Esc takes it back, too.
        await page.keyboard.press('Escape')
        expect(await page.getByLabel('Code', { exact: true }).inputValue()).toBe('')
        for (const name of ['Confirm', /^Send another code/, 'Change number', 'A link after it']) {
            await page.keyboard.press('Tab')
            expect(await focused(page)).toMatch(name)
        }
        for (let back = 0; back < 4; back++) await page.keyboard.press('Shift+Tab')
        expect(await focused(page)).toBe('otp')
        await page.keyboard.type(right)
        await page.keyboard.press('Enter')
        await page.getByText('Your number is confirmed.').waitFor()
        expect(await focused(page)).toBe('Your number is confirmed.')
    })

    test('takes a pasted text message', async () => {
        const page = await open(address('/element'), { permissions: ['clipboard-read', 'clipboard-write'] })
        const phone = newPhone()
        await sent(page, phone)
        const text = `Your code is ${await code(phone)}. It expires in 10 minutes.`
        await page.evaluate((text) => navigator.clipboard.writeText(text), text)
        await page.getByLabel('Code', { exact: true }).focus()
        await page.keyboard.press('ControlOrMeta+v')
        await page.getByText('Your number is confirmed.').waitFor()
    })

    test('offers another code when the gateway allows one, and only the newest is right', async () => {
        const page = await open(address('/element'), { refused: [400] })
        const phone = newPhone()
        await sent(page, phone)
        const first = await code(phone)
        const again = page.getByRole('button', { name: /^Send another code/ })
        expect(await again.textContent()).toMatch(/\(0:0[123]\)$/)
        expect(await again.getAttribute('aria-disabled')).toBe('true')
        await usable(page, 'element-cool-down')
        await page.getByRole('button', { name: 'Send another code', exact: true, disabled: false }).click()
        const second = await code(phone, 2)
        // The wait has doubled.
        await expect.poll(() => again.textContent()).toMatch(/\(0:0[456]\)$/)
        expect(await focused(page)).toBe('otp')
        if (first !== second) {
            await page.getByLabel('Code', { exact: true }).fill(first)
            await page.getByText('That code is not right.').waitFor()
        }
        await page.getByLabel('Code', { exact: true }).fill('')
        await page.getByLabel('Code', { exact: true }).fill(second)
        await page.getByText('Your number is confirmed.').waitFor()
    })

    test('shows tries that are left, then that none is, and begins anew', async () => {
        const page = await open(address('/element', { purpose: 'password_reset' }), { refused: [400, 429] })
        const phone = newPhone()
        await sent(page, phone)
        await page.getByText('2 tries left.').waitFor()
        const wrong = wrongCode(await code(phone))
        await page.getByLabel('Code', { exact: true }).fill(wrong)
        await page.getByText('That code is not right. One try left.').waitFor()
        await usable(page, 'element-wrong')
        await page.getByLabel('Code', { exact: true }).fill('')
        await page.getByLabel('Code', { exact: true }).fill(wrong)
        await page.getByText(/Too many wrong codes|not right/).waitFor()
        // The last wrong one says so of itself, or the next check does.
        if (await page.getByLabel('Code', { exact: true }).isVisible()) {
            await page.getByLabel('Code', { exact: true }).fill('')
            await page.getByLabel('Code', { exact: true }).fill(wrong)
        }
        await page.getByText('Too many wrong codes.').waitFor()
        await usable(page, 'element-locked')
        await page.getByRole('button', { name: 'Send a new code' }).click()
        await page.getByLabel('Code', { exact: true }).fill(await code(phone, 2))
        await page.getByText('Your number is confirmed.').waitFor()
    })

    test('says that a code has expired when the gateway does, and sends a new one', async () => {
        const page = await open(address('/element', { purpose: 'password_reset' }))
        const phone = newPhone()
        await sent(page, phone)
        await page.getByText(/The code is good for 0:[12]\d/).waitFor()
        await page.getByText('This code has expired. Ask for a new one.').waitFor({ timeout: 40_000 })
        await usable(page, 'element-expired')
        await page.getByRole('button', { name: 'Send a new code' }).click()
        await page.getByLabel('Code', { exact: true }).fill(await code(phone, 2))
        await page.getByText('Your number is confirmed.').waitFor()
    })

    test('goes on with the session after a reload', async () => {
        const page = await open(address('/element'))
        const phone = newPhone()
        const session = page.evaluate(
            () =>
                new Promise<string>((done) =>
                    document.addEventListener('otp-sent', ({ detail }: any) => done(detail.sessionId)),
                ),
        )
        await sent(page, phone)
        await page.goto(address('/element', { 'session-id': await session }))
        await page.getByText(/We sent a code to \+41\*+\d\d\./).waitFor()
        await page.getByLabel('Code', { exact: true }).fill(await code(phone))
        await page.getByText('Your number is confirmed.').waitFor()
    })

    test('is a field of its form', async () => {
        const page = await open(address('/form', { name: 'proof', required: '', 'with-token': '' }))
        const phone = newPhone()
        await page.locator('#send').click()
        expect(page.url()).toMatch(/\/form/)
        await sent(page, phone)
        await page.getByLabel('Code', { exact: true }).fill(await code(phone))
        await page.getByText('Your number is confirmed.').waitFor()
        await page.locator('#send').click()
        await page.waitForURL(/\/landed\?proof=ey[\w.-]+$/)
    })

    test('without a gateway says so in plain words', async () => {
        const page = await open(address('/element', { 'base-url': 'http://127.0.0.1:9' }))
        await page.getByLabel('Phone number').fill(newPhone())
        // Chromium writes the refused connection itself; that one is wanted here.
        page.context().removeAllListeners('console')
        await page.getByRole('button', { name: 'Send code' }).click()
        await page.getByText('No answer. Check the connection and try again.').waitFor()
        await usable(page, 'element-no-answer')
    })
})
