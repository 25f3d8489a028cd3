/** The gateway's console, for tests that look at it. */

import type { BrowserContextOptions, Page } from 'playwright-core'
import { expect, inject } from 'vitest'
import { open } from './browser.js'

/** Signs the operator of the tests in. */
export async function signIn(page: Page): Promise<void> {
    const { name, password } = inject('gateway').operator
    await page.getByLabel('Name').fill(name)
    await page.getByLabel('Password').fill(password)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('heading', { level: 1 }).waitFor()
}

/** A page of the console, signed in on the way to it. */
export async function openConsole(path: string, options: BrowserContextOptions & { refused?: number[] } = {}): Promise<Page> {
    const { url } = inject('gateway')
    const page = await open(url + path, options)
    await signIn(page)
    expect(page.url()).toBe(url + path)
    return page
}
