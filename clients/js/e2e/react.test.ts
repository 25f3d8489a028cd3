import { expect, test } from 'vitest'
import { code, newPhone, open, tokenOf, usable, useBrowser, wrongCode } from './browser.js'
import { address, user } from './users.js'

useBrowser()

test('a form around useSmsService: send, too early, wrong, again, right', async () => {
    const page = await open(address('/hook'), { refused: [400] })
    const phone = newPhone()
    await page.getByLabel('Phone').fill(phone)
    await page.getByRole('button', { name: 'Start' }).click()
    await expect.poll(() => page.locator('#status').textContent()).toBe('sent')
    expect(await page.locator('#cooldown').textContent()).toMatch(/^[123]$/)
    expect(await page.getByRole('button', { name: 'Again' }).isDisabled()).toBe(true)
    await expect.poll(() => page.locator('#expiresIn').textContent()).toMatch(/^(59\d|600)$/)
    const right = await code(phone)
    await page.getByLabel('Code').fill(wrongCode(right))
    await page.getByRole('button', { name: 'Check' }).click()
    await page.getByText('That code is not right.').waitFor()
    expect(await page.locator('#attemptsRemaining').textContent()).toBe('4')
    await usable(page, 'react-hook')
    await page.getByRole('button', { name: 'Again', disabled: false }).click()
    await page.getByLabel('Code').fill(await code(phone, 2))
    await page.getByRole('button', { name: 'Check' }).click()
    await expect.poll(() => page.locator('#status').textContent()).toBe('verified')
    expect(await page.locator('#token').textContent()).toMatch(/^ey/)
})

test('a modal: opened, left by Esc, and through to the proof by keyboard', async () => {
    const page = await open(address('/modal'))
    const opener = page.getByRole('button', { name: 'Confirm a number' })
    await opener.focus()
    await page.keyboard.press('Enter')
    await page.getByRole('dialog', { name: 'Confirm your phone number' }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    expect(await opener.evaluate((node) => node === document.activeElement)).toBe(true)
    await page.keyboard.press('Enter')
    const phone = newPhone()
    await page.getByRole('dialog').waitFor()
    await usable(page, 'react-modal-phone')
    // The dialog has put the focus where typing begins.
    await page.keyboard.type(phone)
    await page.keyboard.press('Enter')
    await page.getByText(`We sent a code to ${phone}.`).waitFor()
    await page.getByText('3 tries left.').waitFor()
    await usable(page, 'react-modal-code')
    await page.keyboard.type('12')
    await page.keyboard.press('Escape')
    expect(await page.getByRole('dialog').isVisible()).toBe(true)
    await page.keyboard.type(await code(phone))
    await page.keyboard.press('Enter')
    await expect.poll(() => page.locator('#confirmed').textContent()).toMatch(/^ey/)
    expect(await opener.evaluate((node) => node === document.activeElement)).toBe(true)
})

test('the overlay keeps the application away until the gateway says that a code was right', async () => {
    const phone = newPhone()
    const page = await open(address('/app', { ...(await user({ phone, otp_enabled: true })), role: 'admin' }))
    await page.getByRole('dialog', { name: 'Confirm that it is you' }).waitFor()
    await page.getByText(/We text a code to \+41\*+\d\d\./).waitFor()
    await usable(page, 'react-overlay')
    expect(await page.evaluate(() => document.activeElement?.shadowRoot?.activeElement?.textContent)).toBe('Send code')
    for (let times = 0; times < 3; times++) await page.keyboard.press('Escape')
    expect(await page.getByRole('dialog').isVisible()).toBe(true)
    expect(await page.getByText('The application').count()).toBe(0)
    await page.getByRole('button', { name: 'Send code' }).click()
    await page.getByLabel('Code').fill(await code(phone))
    await page.getByRole('heading', { name: 'The application' }).waitFor()
    expect(await page.getByRole('dialog').count()).toBe(0)
    // And not again within the time.
    await page.reload()
    await page.getByRole('heading', { name: 'The application' }).waitFor()
})

test('who has codes switched off sees nothing of all this', async () => {
    const page = await open(address('/app', { ...(await user({ otp_enabled: false })), role: 'admin' }))
    await page.getByRole('heading', { name: 'The application' }).waitFor()
})

test('who may not ask for a requirement does not get by', async () => {
    const { user: name } = await user({ otp_enabled: false })
    const page = await open(address('/app', { user: name, token: tokenOf('somebody-else'), role: 'admin' }), {
        refused: [403, 404],
    })
    await page.getByText('It cannot be found out').waitFor()
    await usable(page, 'react-overlay-failed')
    expect(await page.getByText('The application').count()).toBe(0)
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.waitForURL(/signed-out/)
})

test('a role that may not see a page is led home', async () => {
    const page = await open(address('/app', { ...(await user({ otp_enabled: false })), role: 'staff' }))
    await page.waitForURL(/\/landed\/staff$/)
    const nobody = await open(address('/app', { user: 'x', token: 'x' }))
    await nobody.waitForURL(/\/landed\/sign-in$/)
})
