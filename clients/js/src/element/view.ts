/** What the element shows. Built once and then only changed, so that focus and what was typed stay where they are. */

import type { OtpState, OtpStatus } from '../flow-state.js'
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

/** Whether what the button does can be done now. Buttons stay focusable: a disabled one loses the focus. */
export function can(button: HTMLElement): boolean {
    return button.getAttribute('aria-disabled') !== 'true'
}

export class View {
    readonly phone = make('input', { id: 'phone', type: 'tel', autocomplete: 'tel', part: 'input' })
    /** One field for the whole code: it takes a paste, and what a browser or a keyboard fills in. */
    readonly code = make('input', {
        id: 'otp',
        inputmode: 'numeric',
        autocomplete: 'one-time-code',
        'aria-describedby': 'note error',
        part: 'input',
    })
    readonly resend = make('button', plain)
    readonly change = make('button', plain)
    readonly submit = make('button', { part: 'button' })
    readonly form: HTMLFormElement
    #phoneLabel = make('label', { for: 'phone' })
    #codeLabel = make('label', { for: 'otp' })
    #phoneStep = make('div', {}, this.#phoneLabel, this.phone)
    #codeStep = make('div', {}, this.#codeLabel, this.code)
    /** Said once when it changes; countdowns are not in it, which would be read every second. */
    #said = make('p', { role: 'status' })
    #error = make('p', { id: 'error', role: 'alert' })
    #note = make('p', { id: 'note' })
    #step = ''

    constructor(root: ShadowRoot) {
        const row = make('div', { class: 'row' }, this.resend, this.change)
        const parts = [this.#said, this.#phoneStep, this.#codeStep, this.#error, this.submit, this.#note, row]
        this.form = make('form', { novalidate: '' }, ...parts)
        root.append(this.form)
    }

    show(state: OtpState, { texts, knownPhone, canStart }: Shown): void {
        const { status, cooldown, error, sessionId, attemptsRemaining: left } = state
        const busy = /ing$/.test(status)
        const step = STEPS[status] ?? (sessionId ? 'code' : 'phone')
        const typing = step === 'code'
        const ended = step === 'ended'
        const wrong = error?.code === 'otp-wrong'
        const focused = (this.form.getRootNode() as ShadowRoot).activeElement

        say(this.#phoneLabel, texts.phone)
        say(this.#codeLabel, texts.code)
        button(this.submit, typing ? texts.check : ended ? texts.again : texts.send, !busy && (typing || !cooldown))
        button(this.resend, texts.resend + (cooldown ? ` (${clock(cooldown)})` : ''), !busy && !cooldown)
        button(this.change, texts.change, !busy)
        say(
            this.#said,
            busy ? texts.busy : typing && texts.sent(state.phone ?? ''),
            step === 'done' && texts.verified,
            step === 'phone' && !busy && knownPhone && texts.willSend(knownPhone),
        )
        say(this.#error, error?.message ?? (status === 'failed' && texts.failed), wrong && left && texts.left(left))
        say(
            this.#note,
            typing && state.expiresIn !== undefined && texts.expires(clock(state.expiresIn)),
            typing && !wrong && left !== undefined && texts.left(left),
            !typing && cooldown && texts.wait(clock(cooldown)),
        )
        const fixed = knownPhone !== null || !canStart
        this.#phoneStep.hidden = step !== 'phone' || fixed
        this.#codeStep.hidden = this.resend.hidden = !typing
        this.change.hidden = fixed || !(typing || ended)
        this.submit.hidden = step === 'done' || !(typing || canStart)
        this.form.setAttribute('aria-busy', String(busy))
        ;(typing ? this.code : this.phone).setAttribute('aria-invalid', String(error?.status === 400))

        // Whoever was in here stays: the field of the next step, or what is said where there is none.
        if (step !== this.#step && focused) this.focusOf(step)
        this.#step = step
    }

    focusOf(step = this.#step): void {
        const target =
            step === 'code' ? this.code : step === 'phone' && !this.#phoneStep.hidden ? this.phone : this.submit
        if (!target.hidden) return target.focus()
        // Only now: a dialog would begin with it else.
        this.#said.tabIndex = -1
        this.#said.focus()
    }
}

/** Where a flow is as far as it needs a view of its own; else it depends on whether a code was sent. */
const STEPS: { [status in OtpStatus]?: string } = {
    verified: 'done',
    expired: 'ended',
    locked: 'ended',
    failed: 'ended',
}

/** These sentences; only if they change: what stands there already is not read again. */
function say(element: HTMLElement, ...sentences: unknown[]): void {
    const words = sentences.filter(Boolean).join(' ')
    if (element.textContent !== words) element.textContent = words
}

function button(element: HTMLElement, words: string, can: boolean): void {
    say(element, words)
    element.setAttribute('aria-disabled', String(!can))
}
