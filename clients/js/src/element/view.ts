/** What the element shows. Built once and then only changed, so that focus and what was typed stay where they are. */

import type { OtpState } from '../flow-state.js'
import { clock, type Texts } from './texts.js'

export interface Shown {
    texts: Texts
    /** Masked number that the server knows, if it is not to be asked for. */
    knownPhone: string | null
    /** Whether this page can begin another session, or only whoever began this one. */
    canStart: boolean
}

function make<K extends keyof HTMLElementTagNameMap>(
    name: K,
    attributes: Record<string, string> = {},
    ...children: Node[]
): HTMLElementTagNameMap[K] {
    const element = document.createElement(name)
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
    element.append(...children)
    return element
}

const plain = { type: 'button', class: 'plain' }
const ENDED = /^(expired|locked|failed)$/

export class View {
    readonly phone = make('input', { id: 'phone', name: 'phone', type: 'tel', autocomplete: 'tel', part: 'input' })
    /** One field for the whole code: it takes a paste, and what a browser or a keyboard fills in. */
    readonly code = make('input', {
        id: 'otp',
        name: 'otp',
        inputmode: 'numeric',
        autocomplete: 'one-time-code',
        'aria-describedby': 'note error',
        part: 'input',
    })
    readonly resend = make('button', plain)
    readonly change = make('button', plain)
    readonly submit = make('button', { type: 'submit', part: 'button' })
    readonly form: HTMLFormElement
    #phoneLabel = make('label', { for: 'phone' })
    #codeLabel = make('label', { for: 'otp' })
    #phoneStep = make('div', {}, this.#phoneLabel, this.phone)
    #codeStep = make('div', {}, this.#codeLabel, this.code)
    #row = make('div', { class: 'row' }, this.resend, this.change)
    /** Said once when it changes; countdowns are not in it, which would be read every second. */
    #said = make('p', { role: 'status', tabindex: '-1' })
    #error = make('p', { id: 'error', class: 'error', role: 'alert', part: 'error' })
    #note = make('p', { id: 'note', class: 'muted' })
    #step = ''

    constructor(root: ShadowRoot) {
        const parts = [this.#said, this.#phoneStep, this.#codeStep, this.#error, this.submit, this.#note, this.#row]
        this.form = make('form', { novalidate: '', part: 'form' }, ...parts)
        root.append(this.form)
    }

    /** Whether what the button does can be done now. Buttons stay focusable: a disabled one loses the focus. */
    static can(button: HTMLElement): boolean {
        return button.getAttribute('aria-disabled') !== 'true'
    }

    show(state: OtpState, { texts, knownPhone, canStart }: Shown): void {
        const { status, cooldown, error, sessionId } = state
        const busy = status === 'sending' || status === 'checking'
        const ended = ENDED.test(status)
        const step = status === 'verified' ? 'done' : ended ? 'ended' : sessionId ? 'code' : 'phone'
        const typing = step === 'code'
        const to = state.phone ?? knownPhone ?? ''
        const focused = (this.form.getRootNode() as ShadowRoot).activeElement

        text(this.#phoneLabel, texts.phone)
        text(this.#codeLabel, texts.code)
        text(this.change, texts.change)
        text(this.resend, cooldown && typing ? `${texts.resend} (${clock(cooldown)})` : texts.resend)
        text(this.submit, typing ? texts.check : step === 'ended' ? texts.again : texts.send)
        text(
            this.#said,
            busy ? texts.busy
            : step === 'done' ? texts.verified
            : typing ? texts.sent(to)
            : step === 'phone' && knownPhone ? texts.willSend(knownPhone)
            : '',
        )
        const left = state.attemptsRemaining
        const said = error?.message ?? (status === 'failed' ? texts.failed : '')
        text(this.#error, error?.code === 'otp-wrong' && left ? `${said} ${texts.left(left)}` : said)
        text(
            this.#note,
            [
                state.challengeRequired && texts.challenge,
                typing && state.expiresIn !== undefined && texts.expires(clock(state.expiresIn)),
                typing && error?.code !== 'otp-wrong' && left !== undefined && texts.left(left),
                !typing && step !== 'done' && cooldown && texts.wait(clock(cooldown)),
            ].filter(Boolean).join(' '),
        )
        this.#phoneStep.hidden = step !== 'phone' || knownPhone !== null
        this.#codeStep.hidden = !typing
        this.#row.hidden = !typing && !(ended && canStart && knownPhone === null)
        this.resend.hidden = !typing
        this.change.hidden = knownPhone !== null || !canStart
        this.submit.hidden = step === 'done' || (ended && !canStart)
        able(this.submit, !busy && (typing || !cooldown))
        able(this.resend, !busy && !cooldown)
        able(this.change, !busy)
        this.form.setAttribute('aria-busy', String(busy))
        const field = typing ? this.code : this.phone
        field.setAttribute('aria-invalid', String(!!error && !busy && /^(otp-wrong|invalid-request)$/.test(error.code)))

        // Whoever was in here stays: the field of the next step, or what is said where there is none.
        if (step !== this.#step && focused) this.focusOf(step)
        this.#step = step
    }

    focusOf(step = this.#step): void {
        const target = step === 'code' ? this.code : step === 'phone' && !this.#phoneStep.hidden ? this.phone : this.submit
        ;(target.hidden ? this.#said : target).focus()
    }
}

/** Only if it changes: what stands there already is not read again. */
function text(element: HTMLElement, words: string): void {
    if (element.textContent !== words) element.textContent = words
    if (element instanceof HTMLParagraphElement && element.role !== 'alert' && element.role !== 'status') element.hidden = !words
}

function able(button: HTMLElement, can: boolean): void {
    button.setAttribute('aria-disabled', String(!can))
}
