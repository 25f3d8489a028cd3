/** Chromium, and pages that notice what nobody should see: violations of the policy, errors on the console. */

import { createHmac } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, inject, onTestFinished } from 'vitest'
import { texts } from './gateway.js'

let browser: Browser

/** For a file of tests. */
export function useBrowser(): void {
    beforeAll(async () => {
        const found = [
            process.env.CHROMIUM_BIN,
            '/usr/bin/chromium',
            '/usr/bin/chromium-browser',
            '/usr/bin/google-chrome',
        ]
        const executablePath = found.find((path) => path && existsSync(path))
        if (!executablePath) throw new Error('there is no Chromium: apt-get install chromium, or set CHROMIUM_BIN')
        const args = [
            '--no-sandbox',
            '--disable-gpu',
            '--disable-background-networking',
            '--disable-component-update',
            '--disable-sync',
        ]
        browser = await chromium.launch({ executablePath, headless: true, args })
    })
    afterAll(() => browser?.close())
}

/**
 * A page in a profile of its own. Once the test is over, it must have seen no violation of its policy, no exception,
 * and no error on the console but for refusals of the gateway with a status in `refused`, which Chromium writes there.
 */
export async function open(url: string, options: BrowserContextOptions & { refused?: number[] } = {}): Promise<Page> {
    const { refused = [], ...context } = options
    const profile = await browser.newContext({ viewport: { width: 380, height: 720 }, ...context })
    profile.setDefaultTimeout(20_000)
    const wrong: string[] = []
    // Of all its pages.
    profile.on('weberror', (thrown) => wrong.push('exception: ' + thrown.error().message))
    profile.on('console', (message) => {
        const status = /Failed to load resource: the server responded with a status of (\d+)/.exec(message.text())?.[1]
        if (message.type() === 'error' && !(status && refused.includes(Number(status))))
            wrong.push('console: ' + message.text())
    })
    await profile.exposeFunction('violated', (what: string) => wrong.push('policy: ' + what))
    await profile.addInitScript(() => {
        document.addEventListener('securitypolicyviolation', (event) => {
            ;(globalThis as any).violated(`${event.violatedDirective} ${event.blockedURI}`)
        })
    })
    const page = await profile.newPage()
    onTestFinished(async () => {
        await profile.close()
        expect(wrong).toEqual([])
    })
    await page.goto(url)
    return page
}

/** The code of the `count`th text to a phone, waited for. */
export async function code(phone: string, count = 1): Promise<string> {
    const { url, key } = inject('gateway')
    await expect.poll(async () => (await texts(url, key, phone)).length).toBeGreaterThanOrEqual(count)
    const text = (await texts(url, key, phone))[count - 1]!
    return /code is (\d+)/.exec(text)![1]!
}

/** Any other code. */
export function wrongCode(right: string): string {
    return right.replace(/^\d/, (digit) => String((Number(digit) + 1) % 10))
}

let phones = 0
/** A number that no other test has. */
export function newPhone(): string {
    return '+4179' + String(1_000_000 + ++phones + (process.pid % 900) * 1000)
}

/** A user's token, as an application's own sign-in makes it. */
export function tokenOf(user: string): string {
    const part = (content: object) => Buffer.from(JSON.stringify(content)).toString('base64url')
    const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: user, exp: Math.floor(Date.now() / 1000) + 600 })}`
    return `${signed}.${createHmac('sha256', inject('jwtSecret')).update(signed).digest('base64url')}`
}

/** What an authenticator app shows for a key (RFC 6238), so many half minutes from now. */
export function appCode(secret: string, later = 0): string {
    const bits = [...secret.replace(/\s/g, '')]
        .map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0'))
        .join('')
    const key = Buffer.from(bits.match(/.{8}/g)!.map((byte) => parseInt(byte, 2)))
    const step = Buffer.alloc(8)
    step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + later))
    const hash = createHmac('sha1', key).update(step).digest()
    const number = hash.readUInt32BE(hash.at(-1)! & 15) & 0x7fffffff
    return String(number % 1_000_000).padStart(6, '0')
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const SCREENSHOTS = fileURLToPath(new URL('screenshots/', import.meta.url))

/**
 * What everybody must be able to use: nothing serious for axe, nothing wider than the page; in both themes, of which
 * pictures are kept.
 */
export async function usable(page: Page, name: string): Promise<void> {
    mkdirSync(SCREENSHOTS, { recursive: true })
    for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        await page.screenshot({ path: `${SCREENSHOTS}${name}-${colorScheme}.png` })
        const wide = await page.evaluate(
            () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        )
        expect(wide, `${name} is wider than its window`).toBe(0)
        await page.evaluate(AXE)
        const found = await page.evaluate(async () => {
            const { violations } = await (globalThis as any).axe.run()
            return violations
                .filter(({ impact }: any) => impact === 'serious' || impact === 'critical')
                .map(
                    ({ id, nodes }: any) =>
                        `${id}: ${nodes.map(({ target, failureSummary }: any) => `${target} ${failureSummary}`)}`,
                )
        })
        expect(found, `${name}, ${colorScheme}`).toEqual([])
    }
    await page.emulateMedia({ colorScheme: 'light' })
}
