/** What the console shows of the pumping guard and of a user's factors, in Chromium. */

import { expect, inject, test } from 'vitest'
import { code, newPhone, usable, useBrowser } from './browser.js'
import { openConsole } from './console.js'
import { user } from './users.js'

useBrowser()

const WIDE = { viewport: { width: 1280, height: 800 } }

/** What the application's server asks for. */
async function post(path: string, body: object): Promise<any> {
    const { url, key } = inject('gateway')
    const response = await fetch(url + path, {
        method: 'POST',
        headers: { authorization: 'Bearer ' + key, 'content-type': 'application/json' },
        body: JSON.stringify(body),
    })
    expect(response.status, path).toBeLessThan(300)
    return response.json()
}

test('the guard shows what it would have withheld, is told to enforce and releases a prefix', async () => {
    // Next to each other, and nobody types their codes in: those of an operator who earns from them.
    const prefix = '+447911' + String(100 + (process.pid % 900)).slice(0, 2)
    for (let n = 0; n < 8; n++) await post('/otp/send', { phone: `${prefix}120${n}` })
    const page = await openConsole('/console/guard', WIDE)
    await page.getByText('It observes').waitFor()
    await usable(page, 'console-guard')
    await page.getByLabel('Outcome').selectOption('block')
    await page.getByRole('button', { name: 'Filter' }).click()
    const row = page.getByRole('row').filter({ hasText: prefix }).filter({ hasText: 'neighbours' })
    await row.first().waitFor()
    expect((await explained(`${prefix}1299`)).outcome).toBe('block')
    await row.first().getByRole('button', { name: 'Release' }).click()
    await page.getByRole('heading', { name: 'Pumping guard' }).waitFor()
    expect((await explained(`${prefix}1299`)).outcome).toBe('allow')
    try {
        await page.getByRole('button', { name: 'Enforce' }).click()
        await page.getByText('It enforces').waitFor()
        expect((await explained(`${prefix}1299`)).mode).toBe('enforce')
    } finally {
        await page.getByRole('button', { name: 'Only observe' }).click()
    }
    await page.getByText('It observes').waitFor()
})

async function explained(phone: string): Promise<{ outcome: string; mode: string }> {
    const { url, key } = inject('gateway')
    const query = '/guard/explain?phone=' + encodeURIComponent(phone)
    const response = await fetch(url + query, { headers: { authorization: 'Bearer ' + key } })
    expect(response.status).toBe(200)
    return (await response.json()) as { outcome: string; mode: string }
}

test("a user's remembered devices are shown and revoked", async () => {
    const phone = newPhone()
    const ann = await user({ phone, otp_enabled: true })
    const { session_id } = await post('/otp/send', { phone, purpose: 'two_factor', user_id: ann.user })
    const verified = await post('/otp/verify', { session_id, otp: await code(phone), remember_device: 'Old laptop' })
    expect(verified.device_token).toMatch(/^[\w-]{40,}$/)
    const page = await openConsole('/console/users/' + ann.user)
    await page.getByRole('row').filter({ hasText: 'Old laptop' }).waitFor()
    await page.getByRole('row').filter({ hasText: 'verified' }).waitFor()
    await usable(page, 'console-user')
    await page.getByRole('button', { name: 'Revoke Old laptop' }).click()
    await page.getByText('None.', { exact: true }).waitFor()
    const { reason } = await post(`/users/${ann.user}/otp-requirement`, {
        within: 1,
        device_token: verified.device_token,
    })
    expect(reason).not.toBe('remembered_device')
})
