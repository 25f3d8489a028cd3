/** The example, started by its one command. */

import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, inject } from 'vitest'
import { freePort, type Program, start } from './process.js'

/** For a file of tests; gives its address, which is known once they run. */
export function useExample(): () => string {
    let address: string
    let program: Program
    beforeAll(async () => {
        const { url, key } = inject('gateway')
        const port = await freePort()
        address = `http://localhost:${port}`
        const env = { PORT: String(port), SMSGW_URL: url, SMSGW_KEY: key, CLIENT_IS_BUILT: '1' }
        const cwd = fileURLToPath(new URL('../../../examples/web-login', import.meta.url))
        program = await start(process.execPath, ['start.mjs'], env, async () => (await fetch(address)).ok, { cwd })
    })
    afterAll(() => program?.stop())
    return () => address
}

/** From the sign-in page, by name. */
export async function signIn(page: Page, name: string, password = name, button = 'Sign in'): Promise<void> {
    await page.getByLabel('Name').fill(name)
    await page.getByLabel('Password').fill(password)
    await page.getByRole('button', { name: button }).click()
}
