/** The console in Chromium: every page with real data, by keyboard, without scripts, in both themes, narrow and wide. */

import type { Page } from 'playwright-core'
import { describe, expect, inject, test } from 'vitest'
import { code, newPhone, open, usable, useBrowser, wrongCode } from './browser.js'
import { openConsole, signIn } from './console.js'

useBrowser()

const WIDE = { viewport: { width: 1280, height: 800 } }
const SETTINGS = '/console/settings/sms-otp'

async function send(text: string, phone = newPhone()): Promise<string> {
    const { url, key } = inject('gateway')
    const response = await fetch(url + '/sms/send-transactional', {
        method: 'POST',
        headers: { authorization: 'Bearer ' + key, 'content-type': 'application/json' },
        body: JSON.stringify({ to: phone, text }),
    })
    expect(response.status).toBe(202)
    return ((await response.json()) as { message_id: string }).message_id
}

/** What the page is as a whole; a page that was loaded again is another one. */
async function mark(page: Page): Promise<void> {
    await page.evaluate(() => ((globalThis as any).isTheSame = true))
}
const isTheSame = (page: Page) => page.evaluate(() => (globalThis as any).isTheSame === true)

const order = (page: Page) => page.locator('.providers li').evaluateAll((all) => all.map((one) => one.dataset.name))

async function addProvider(page: Page, name: string): Promise<void> {
    await page.goto(inject('gateway').url + '/console/settings/providers?kind=sandbox')
    await page.getByLabel('Name').fill(name)
    await page.getByRole('button', { name: 'Add it' }).click()
    await page.getByRole('link', { name, exact: true }).waitFor()
}

async function removeProvider(page: Page, name: string): Promise<void> {
    await page.goto(`${inject('gateway').url}/console/settings/providers/${name}`)
    await page.getByText(`Remove ${name}`).first().click()
    await page.getByRole('button', { name: `Remove ${name}` }).click()
    await page.getByRole('heading', { name: 'SMS & OTP' }).waitFor()
}

describe('the console', () => {
    test('lets in who knows the password, and out again', async () => {
        const page = await open(inject('gateway').url + '/console', { refused: [401] })
        await usable(page, 'console-sign-in')
        await page.getByLabel('Name').fill('ann')
        await page.getByLabel('Password').fill('not the password at all')
        await page.keyboard.press('Enter')
        await page.getByText('Name or password is wrong.').waitFor()
        await usable(page, 'console-sign-in-wrong')
        await signIn(page)
        await page.getByRole('heading', { name: 'Messages' }).waitFor()
        await page.getByRole('button', { name: 'Sign out' }).click()
        await page.getByRole('heading', { name: 'Sign in' }).waitFor()
        await page.goBack()
        await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    })

    test('shows what happens as it happens, hostile texts as texts', async () => {
        const page = await openConsole('/console/messages', WIDE)
        await mark(page)
        const text = `<img src=x onerror="document.title='hurt'"><script>document.title='hurt'</script> ${newPhone()}`
        const id = await send(text)
        const row = page.locator('tbody tr', { has: page.locator(`a[href$="${id}"]`) })
        await row.getByText(text).waitFor()
        await row.getByText('sent', { exact: true }).waitFor()
        expect(await isTheSame(page)).toBe(true)
        // In the viewer's zone and words, also where it came later.
        expect(await row.locator('time').textContent()).not.toContain('UTC')
        await usable(page, 'console-messages-wide')
        await row.getByRole('link').click()
        await page.getByText('sandbox took it').waitFor()
        expect(await page.title()).not.toBe('hurt')
        await usable(page, 'console-message')
        await page.goto(`${inject('gateway').url}/console/messages?status=failed&user_id=%3Cb%3E`)
        await page.getByText('No such messages among the newest.').waitFor()
    })

    test('has a first page that is small', async () => {
        await Promise.all(Array.from({ length: 50 }, (_, n) => send(`Text ${n}: ${'long '.repeat(30)}`)))
        const page = await openConsole('/console/messages')
        expect(await page.locator('tbody tr[id^=message]').count()).toBe(50)
        const bytes = await page.evaluate(() => {
            const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
            return (all as PerformanceResourceTiming[]).reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)
        })
        expect(bytes).toBeGreaterThan(10_000)
        expect(bytes).toBeLessThan(100_000)
    })

    test('is worked by keyboard alone', async () => {
        const page = await openConsole('/console/messages')
        const focused = () =>
            page.evaluate(() => {
                const { activeElement: at } = document
                const label = (at as HTMLInputElement | null)?.labels?.[0]?.childNodes[0]?.textContent
                return (at?.getAttribute('aria-label') ?? label ?? at?.textContent)?.trim()
            })
        const to = async (name: string) => {
            for (let i = 0; i < 60; i++) {
                await page.keyboard.press('Tab')
                if ((await focused()) === name) return
            }
            throw new Error(`Tab does not lead to ${name}`)
        }
        await page.keyboard.press('Tab')
        expect(await focused()).toBe('To the content')
        await page.keyboard.press('Enter')
        await to('Filter')
        await page.keyboard.press('Enter')
        await page.waitForURL(/status=/)
        await to('SMS & OTP')
        await page.keyboard.press('Enter')
        await page.getByRole('heading', { name: 'SMS & OTP' }).waitFor()
        for (const name of ['key-one', 'key-two']) {
            await page.goto(inject('gateway').url + SETTINGS)
            await to('Kind of provider')
            await page.keyboard.type('sandbox')
            await page.keyboard.press('Tab')
            await page.keyboard.press('Enter')
            await page.getByRole('button', { name: 'Add it' }).waitFor()
            await to('Name')
            await page.keyboard.type(name)
            await page.keyboard.press('Enter')
            await page.getByRole('link', { name, exact: true }).waitFor()
        }
        expect(await order(page)).toEqual(['key-one', 'key-two'])
        await to('Try key-two earlier')
        await page.keyboard.press('Enter')
        await expect.poll(() => order(page)).toEqual(['key-two', 'key-one'])
        await to('Try key-two later')
        await page.keyboard.press('Space')
        await expect.poll(() => order(page)).toEqual(['key-one', 'key-two'])
        for (const name of ['key-one', 'key-two']) await removeProvider(page, name)
    })

    test('orders providers by drag, edits one and sends a test through it', async () => {
        const page = await openConsole(SETTINGS, { ...WIDE, refused: [400] })
        for (const name of ['east', 'west', 'south']) await addProvider(page, name)
        expect(await order(page)).toEqual(['east', 'west', 'south'])
        const item = (name: string) => page.locator(`#provider-${name}`)
        const drag = async (name: string, target: string, below: boolean) => {
            await item(name).hover({ position: { x: 400, y: 10 } })
            await page.mouse.down()
            const { x, y, height } = (await item(target).boundingBox())!
            await page.mouse.move(x + 400, y + height / 2, { steps: 8 })
            await page.mouse.move(x + 400, below ? y + height - 4 : y + 4, { steps: 4 })
            await page.mouse.up()
        }
        await drag('south', 'east', false)
        await expect.poll(() => order(page)).toEqual(['south', 'east', 'west'])
        await drag('south', 'west', true)
        await expect.poll(() => order(page)).toEqual(['east', 'west', 'south'])
        await usable(page, 'console-settings-wide')

        await page.getByRole('link', { name: 'west', exact: true }).click()
        await usable(page, 'console-provider')
        await page.getByLabel('Countries').fill('Narnia')
        await page.getByRole('button', { name: 'Save' }).click()
        await page.getByText('Nothing was changed').waitFor()
        await usable(page, 'console-provider-fault')
        await page.getByLabel('Countries').fill('ch')
        await page.getByLabel('In use').uncheck()
        await page.getByRole('button', { name: 'Save' }).click()
        await item('west').getByText('off', { exact: true }).waitFor()
        await item('west').getByText('CH').waitFor()
        await page.getByRole('link', { name: 'west', exact: true }).click()
        await page.getByLabel('Number').fill(newPhone())
        await page.getByRole('button', { name: 'Send a test' }).click()
        await page.getByText('west took it').waitFor()
        await usable(page, 'console-provider-test')
        for (const name of ['east', 'west', 'south']) await removeProvider(page, name)
    })

    test('never shows a key again', async () => {
        const page = await openConsole('/console/settings/providers?kind=2factor')
        const secret = 'k'.repeat(24) + '7890'
        await page.getByLabel('Name').fill('india')
        await page.getByLabel('API key').fill(secret)
        await page.getByLabel('Template').fill('OTP_LOGIN')
        await page.getByRole('button', { name: 'Add it' }).click()
        await page.getByRole('link', { name: 'india', exact: true }).click()
        await page.getByText('Set, …7890. Empty leaves it as it is.').waitFor()
        expect(await page.content()).not.toContain(secret)
        expect(await page.getByLabel('Template').isEditable()).toBe(false)
        await page.getByLabel('Codes').selectOption('autogen')
        await page.getByRole('button', { name: 'Save' }).click()
        await page.getByRole('link', { name: 'india', exact: true }).click()
        expect(await page.getByLabel('Codes').inputValue()).toBe('autogen')
        await removeProvider(page, 'india')
    })

    test('sends a test code, which is read in the inbox and typed in', async () => {
        const page = await openConsole(SETTINGS, { refused: [400] })
        await usable(page, 'console-settings')
        const phone = newPhone()
        await page.getByLabel('Number', { exact: true }).fill(phone)
        await page.getByLabel('Purpose').selectOption('two_factor')
        await page.getByRole('button', { name: 'Send a code' }).click()
        await page.getByRole('heading', { name: 'Test code to' }).waitFor()
        await page.getByText('sandbox took it').waitFor()
        await usable(page, 'console-test')
        const right = await code(phone)
        const field = page.getByLabel('The code that arrived')
        await field.fill(wrongCode(right))
        await page.keyboard.press('Enter')
        await page.getByText('That is not the code; 4 more tries.').waitFor()
        await usable(page, 'console-test-wrong')
        const inbox = await page.context().newPage()
        await inbox.goto(inject('gateway').url + '/console/inbox')
        await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
        const bubble = inbox.locator('li', { hasText: phone })
        await bubble.getByRole('button', { name: 'Copy the code' }).click()
        await bubble.getByRole('button', { name: 'Copied' }).waitFor()
        expect(await inbox.evaluate(() => navigator.clipboard.readText())).toBe(right)
        await usable(inbox, 'console-inbox')
        // The inbox stays fresh, too.
        const other = newPhone()
        await send('Your table is ready.', other)
        await inbox.getByText(other).waitFor()
        await page.bringToFront()
        await field.fill(right)
        await page.keyboard.press('Enter')
        await page.getByText('The right code was typed in').waitFor()
        await usable(page, 'console-test-verified')
    })

    test('sets purposes and limits', async () => {
        const page = await openConsole('/console/settings/purposes/change_phone', { refused: [400] })
        await usable(page, 'console-purpose')
        await page.getByLabel('Tries').fill('99')
        await page.getByRole('button', { name: 'Save' }).click()
        await page.getByText('Tries must be 1 to 10.').waitFor()
        await page.getByLabel('Tries').fill('4')
        await page.getByRole('button', { name: 'Save' }).click()
        await page.locator('tr', { hasText: 'change_phone' }).getByText('4 tries').waitFor()
        await page.getByLabel('Another limit').fill('key-hour')
        await page.getByLabel('for each', { exact: true }).selectOption('key')
        await page.getByLabel('At most').last().fill('100000')
        await page.getByLabel('in seconds').last().fill('3600')
        await page.getByRole('button', { name: 'Add', exact: true }).click()
        await page.getByRole('button', { name: 'Remove key-hour' }).click()
        await expect.poll(() => page.getByRole('button', { name: 'Remove key-hour' }).count()).toBe(0)
        await page.goto(inject('gateway').url + '/console/audit')
        await page.getByText('otp_limit.remove').first().waitFor()
        await usable(page, 'console-audit')
    })

    test('keeps what is focused when a list changes', async () => {
        const id = await send('The first')
        const page = await openConsole('/console/messages', WIDE)
        const link = page.locator(`a[href$="${id}"]`)
        await link.focus()
        const later = newPhone()
        await send('A later one', later)
        await page.getByText(later).waitFor()
        expect(await link.evaluate((one) => one === document.activeElement)).toBe(true)
    })

    test('becomes fresh as soon as others look on no more', async () => {
        const page = await openConsole('/console/messages')
        const cookie = (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join('; ')
        const looking = new AbortController()
        const { url } = inject('gateway')
        const options = { headers: { cookie }, signal: looking.signal }
        const look = () => fetch(url + '/console/inbox/live', options)
        for (let place = 0; place < 16; place++) await look()
        expect(await (await look()).text()).toMatch(/^event: full\n/)
        const told = page.waitForResponse((response) => response.url() === url + '/console/inbox/live')
        await page.goto(url + '/console/inbox')
        await told
        const later = newPhone()
        await send('A later one', later)
        looking.abort()
        await page.getByText(later).waitFor()
    })

    test('tells a page that was left open that its operator is signed out', async () => {
        const page = await openConsole('/console/inbox')
        await page.context().clearCookies()
        // As for a window that comes back from the background: the stream is asked for again.
        await page.evaluate(() => {
            const list = document.querySelector('[hx-sse\\:connect]')!
            list.replaceWith(list.cloneNode(true))
            ;(globalThis as any).htmx.process(document.body)
        })
        await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    })

    test('is read without scripts', async () => {
        const id = await send('Read me without scripts')
        const page = await openConsole('/console/messages', { javaScriptEnabled: false })
        await page.locator(`a[href$="${id}"]`).click()
        await page.getByText('Read me without scripts').waitFor()
        await page.getByRole('link', { name: 'SMS & OTP' }).click()
        await page.getByRole('heading', { name: 'Limits' }).waitFor()
    })

    test('is signed out in every window at once', async () => {
        const page = await openConsole('/console/messages')
        const other = await page.context().newPage()
        await other.goto(inject('gateway').url + '/console/inbox')
        await other.getByRole('button', { name: 'Sign out' }).click()
        await page.bringToFront()
        await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    })
})
