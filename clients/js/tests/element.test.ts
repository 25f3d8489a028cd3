// @vitest-environment happy-dom
import { expect, onTestFinished, test, vi } from 'vitest'
import type { OtpVerifyElement } from '../src/element.js'
import '../src/element.js'
import { type Gateway, gateway, refusal, SENT, session, until } from './gateway.js'

/** The element on a page of a gateway, with what somebody who sees the page can do. */
function shown(sms: Gateway, attributes: Record<string, string> = {}, properties: Partial<OtpVerifyElement> = {}) {
    const element = document.createElement('otp-verify')
    const all = { 'base-url': sms.url, 'publishable-key': 'pk_page', ...attributes }
    for (const [name, value] of Object.entries(all)) element.setAttribute(name, value)
    Object.assign(element, properties)
    const told: [string, any][] = []
    for (const name of ['otp-sent', 'otp-verified', 'otp-error', 'otp-cancel'] as const) {
        element.addEventListener(name, (event) => told.push([name, event.detail]))
    }
    document.body.append(element)
    onTestFinished(() => element.remove())
    const root = element.shadowRoot!
    const find = <T extends HTMLElement>(selector: string) => root.querySelector<T>(selector)!
    const visible = (node: HTMLElement) => !node.closest('[hidden]')
    return {
        element,
        told,
        phone: find<HTMLInputElement>('#phone'),
        code: find<HTMLInputElement>('#otp'),
        button: (words: RegExp) =>
            [...root.querySelectorAll('button')].find((button) => visible(button) && words.test(button.textContent!)),
        submit: () => find('form').dispatchEvent(new Event('submit', { cancelable: true })),
        said: () => find('[role=status]').textContent,
        error: () => find('[role=alert]').textContent,
        note: () => find('#note').textContent,
        focused: () => root.activeElement,
        visible,
    }
}

async function withCode(sms: Gateway, attributes = {}, properties = {}) {
    sms.on('/otp/send', SENT).on('/otp/sessions/s-1', session())
    const page = shown(sms, attributes, properties)
    page.phone.focus()
    page.phone.value = '+41790000001'
    page.submit()
    await until(() => expect(page.button(/Confirm/)).toBeDefined())
    await until(() => expect(page.note()).toMatch(/good for/))
    return page
}

function paste(field: HTMLInputElement, text: string) {
    const event = new Event('paste', { cancelable: true })
    Object.assign(event, { clipboardData: { getData: () => text } })
    field.dispatchEvent(event)
}

test('a number, its code, and the proof', async () => {
    const sms = await gateway()
    sms.on('/otp/verify', { body: { verified: true, token: 'proof' } })
    const page = await withCode(sms, { 'with-token': '' })
    expect(page.said()).toBe('We sent a code to +41790000001.')
    expect(page.note()).toMatch(/^The code is good for 9:5\d\. 5 tries left\.$/)
    expect(page.focused()).toBe(page.code)
    page.code.value = '123456'
    page.submit()
    await until(() => expect(page.element.value).toBe('proof'))
    expect(page.said()).toBe('Your number is confirmed.')
    expect(page.told.map(([name]) => name)).toEqual(['otp-sent', 'otp-verified'])
    expect(page.told[1]![1]).toMatchObject({ sessionId: 's-1', token: 'proof' })
    expect(page.focused()?.getAttribute('role')).toBe('status')
})

test('the code field says to browsers and keyboards what it is for', async () => {
    const page = shown(await gateway())
    const attributes = ['autocomplete', 'inputmode'].map((name) => page.code.getAttribute(name))
    expect(attributes).toEqual(['one-time-code', 'numeric'])
    expect(page.phone.getAttribute('autocomplete')).toBe('tel')
    for (const field of [page.phone, page.code]) {
        expect(page.element.shadowRoot!.querySelector(`label[for=${field.id}]`)!.textContent).toBeTruthy()
    }
})

test('a pasted message is its code, checked at once', async () => {
    const sms = await gateway()
    sms.on('/otp/verify', { body: { verified: true } })
    const page = await withCode(sms)
    paste(page.code, 'Your code is 385203. It expires in 10 minutes.')
    await until(() => expect(page.element.value).toBe('s-1'))
    expect(sms.heard.find(({ path }) => path === '/otp/verify')!.body.otp).toBe('385203')
})

test('what a keyboard fills in is checked; what is typed waits for Confirm', async () => {
    const sms = await gateway()
    sms.on('/otp/verify', refusal('otp-wrong', 400, { attempts_remaining: 4 }))
    const page = await withCode(sms)
    for (const digits of ['1', '12', '123', '1234', '12345', '123456']) {
        page.code.value = digits
        page.code.dispatchEvent(new Event('input'))
    }
    expect(sms.asked('/otp/verify')).toBe(0)
    page.code.value = ''
    page.code.dispatchEvent(new Event('input'))
    page.code.value = '123456'
    page.code.dispatchEvent(new Event('input'))
    await until(() => expect(page.error()).toBe('That code is not right. 4 tries left.'))
    expect(sms.asked('/otp/verify')).toBe(1)
    expect(page.code.getAttribute('aria-invalid')).toBe('true')
    expect(page.focused()).toBe(page.code)
})

test('a text heard by the browser is filled in and checked', async () => {
    const asked: any[] = []
    vi.stubGlobal('OTPCredential', class {})
    vi.spyOn(navigator, 'credentials', 'get').mockReturnValue({
        get: async (request: unknown) => (asked.push(request), { code: '424242' }),
    } as unknown as CredentialsContainer)
    onTestFinished(() => {
        vi.unstubAllGlobals()
        vi.restoreAllMocks()
    })
    const sms = await gateway()
    sms.on('/otp/send', SENT)
        .on('/otp/sessions/s-1', session())
        .on('/otp/verify', { body: { verified: true } })
    const page = shown(sms)
    page.phone.value = '+41'
    page.submit()
    await until(() => expect(page.element.value).toBe('s-1'))
    expect(asked[0]).toMatchObject({ otp: { transport: ['sms'] } })
    expect(sms.heard.find(({ path }) => path === '/otp/verify')!.body.otp).toBe('424242')
})

test('another code is to be had when the wait is over, not before', async () => {
    const sms = await gateway()
    const page = await withCode(sms)
    const resend = page.button(/Send another code/)!
    expect(resend.textContent).toMatch(/\(0:(30|2\d)\)$/)
    expect(resend.getAttribute('aria-disabled')).toBe('true')
    resend.click()
    expect(sms.asked('/otp/resend')).toBe(0)
    // Never by the attribute, which would lose the focus.
    expect(resend.hasAttribute('disabled')).toBe(false)
})

test('a locked session offers a new code to the same number', async () => {
    const sms = await gateway()
    sms.on('/otp/verify', refusal('otp-locked', 429, { attempts_remaining: 0 }))
    const page = await withCode(sms)
    page.code.value = '000000'
    page.code.dispatchEvent(new Event('input'))
    await until(() => expect(page.error()).toBe('Too many wrong codes.'))
    const again = page.button(/Send a new code/)!
    expect(page.focused()).toBe(again)
    expect(page.visible(page.code)).toBe(false)
    page.submit()
    await until(() => expect(sms.asked('/otp/send')).toBe(2))
    await until(() => expect(page.visible(page.code)).toBe(true))
    expect(page.error()).toBe('')
    sms.on('/otp/verify', { body: { verified: true } })
    page.code.value = '123456'
    page.code.dispatchEvent(new Event('input'))
    await until(() => expect(page.element.value).toBe('s-1'))
})

test('the number can be changed', async () => {
    const page = await withCode(await gateway())
    page.button(/Change number/)!.focus()
    page.button(/Change number/)!.click()
    expect(page.visible(page.phone)).toBe(true)
    expect(page.phone.value).toBe('+41790000001')
    expect(page.focused()).toBe(page.phone)
})

test('Esc takes back what was typed, then asks to leave', async () => {
    const page = await withCode(await gateway())
    const escape = () => {
        const event = new KeyboardEvent('keydown', { key: 'Escape', bubbles: true, cancelable: true })
        page.code.dispatchEvent(event)
        return event.defaultPrevented
    }
    page.code.value = '123'
    expect(escape()).toBe(true)
    expect(page.code.value).toBe('')
    expect(page.told.at(-1)![0]).toBe('otp-sent')
    expect(escape()).toBe(false)
    expect(page.told.at(-1)![0]).toBe('otp-cancel')
})

test("a session of the server's is gone on with, and no number asked for", async () => {
    const sms = await gateway()
    sms.on('/otp/sessions/s-1', session())
    const page = shown(sms, { 'session-id': 's-1' })
    await until(() => expect(page.said()).toBe('We sent a code to +41*******01.'))
    expect(page.visible(page.code)).toBe(true)
    expect(page.button(/Change number/)).toBeUndefined()
})

test('a number that the server knows is sent to without asking', async () => {
    const sms = await gateway()
    sms.on('/otp/sessions/s-1', session())
    const asked: unknown[] = []
    const start = async ({ phone }: { phone?: string | undefined }) => (
        asked.push(phone),
        { sessionId: 's-1', resendAfter: 5 }
    )
    const page = shown(sms, { 'known-phone': '+41*******01' }, { start })
    expect(page.visible(page.phone)).toBe(false)
    expect(page.said()).toBe('We text a code to +41*******01.')
    page.submit()
    await until(() => expect(page.visible(page.code)).toBe(true))
    expect(asked).toEqual([undefined])
})

test('countdowns are not read aloud every second', async () => {
    const page = await withCode(await gateway())
    const live = page.element.shadowRoot!.querySelectorAll('[role=status], [role=alert], [aria-live]')
    const before = [...live].map((node) => node.textContent)
    const note = page.note()
    await until(() => expect(page.note()).not.toBe(note), 2500)
    expect([...live].map((node) => node.textContent)).toEqual(before)
})

test('texts can be in another language', async () => {
    const sms = await gateway()
    const page = shown(sms, {}, {})
    page.element.texts = { send: 'Code senden' }
    expect(page.button(/Code senden/)).toBeDefined()
    expect(page.element.texts.check).toBe('Confirm')
})
