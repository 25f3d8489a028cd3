/**
 * `<otp-verify>`: a phone number, then the code that was texted there.
 *
 * In a form it is a field: its value is the token of a right code, or the id of its session, and while it is `required`
 * the form is not sent without.
 */

import { createSmsClient } from '../client.js'
import { codeHeard, codeIn } from '../code.js'
import { OtpFlow } from '../flow.js'
import type { FlowOptions, OtpState } from '../flow-state.js'
import { adopt } from './style.js'
import { ENGLISH, type Texts } from './texts.js'
import { can, View } from './view.js'

/** A server that renders pages loads this file too, and has no elements. */
const Base = globalThis.HTMLElement ?? (class {} as typeof HTMLElement)

export class OtpVerifyElement extends Base {
    static formAssociated = true
    static observedAttributes = ['session-id', 'known-phone']

    /** Instead of one made of `base-url` and `publishable-key`. */
    client: FlowOptions['client'] | undefined
    /** See `FlowOptions.start`. */
    start: FlowOptions['start']
    /** See `FlowOptions.rememberDevice`. */
    rememberDevice: FlowOptions['rememberDevice']
    #texts = ENGLISH
    #internals: ElementInternals | undefined = this.attachInternals?.()
    #view: View | undefined
    /** Of what stands in the field, to know a code that was filled in from digits that are typed. */
    #length = 0
    #before: OtpState['status'] | undefined
    #error: unknown
    #stop: (() => void) | undefined
    #hearing: AbortController | undefined
    readonly flow = new OtpFlow(() => this.#options())

    /** The token, or without `with-token` the session's id, once the code was right; else empty. */
    get value(): string {
        const { status, token, sessionId } = this.flow.get()
        return (status === 'verified' && (token ?? sessionId)) || ''
    }

    get texts(): Texts {
        return this.#texts
    }

    set texts(texts: Partial<Texts>) {
        this.#texts = { ...ENGLISH, ...texts }
        if (this.#stop) this.#show()
    }

    connectedCallback(): void {
        if (!this.#view) this.#build()
        this.#stop = this.flow.subscribe(() => this.#show())
        this.#show()
    }

    disconnectedCallback(): void {
        this.#stop?.()
        this.#stop = undefined
        this.#hearing?.abort()
    }

    attributeChangedCallback(name: string, _: string | null, value: string | null): void {
        // Frameworks give properties, of which one is the client, right after.
        if (name === 'session-id' && value) queueMicrotask(() => this.flow.resume(value))
        else if (this.#stop) this.#show()
    }

    formResetCallback(): void {
        this.flow.reset()
    }

    override focus(): void {
        this.#view?.focusOf()
    }

    #options(): FlowOptions {
        const attribute = (name: string) => this.getAttribute(name) ?? undefined
        this.client ??= createSmsClient({
            baseUrl: attribute('base-url') ?? '',
            publishableKey: attribute('publishable-key'),
        })
        return {
            client: this.client,
            start: this.start,
            rememberDevice: this.rememberDevice,
            purpose: attribute('purpose'),
            locale: attribute('locale'),
            token: this.hasAttribute('with-token'),
        }
    }

    #build(): void {
        const root = this.attachShadow({ mode: 'open', delegatesFocus: true })
        adopt(root)
        const view = (this.#view = new View(root))
        view.phone.value = this.getAttribute('phone') ?? ''
        view.form.addEventListener('submit', (event) => {
            event.preventDefault()
            this.#next(view)
        })
        view.resend.addEventListener('click', () => {
            if (!can(view.resend)) return
            this.#fill('')
            view.code.focus()
            void this.flow.resend()
        })
        view.change.addEventListener('click', () => can(view.change) && this.flow.reset())
        view.code.addEventListener('paste', (event) => {
            event.preventDefault()
            this.#fill(codeIn(event.clipboardData?.getData('text') ?? ''))
        })
        view.code.addEventListener('input', () => {
            const { value } = view.code
            // What grows by a whole code at once was filled in, not typed.
            if (value.length - this.#length > 3) this.#fill(codeIn(value))
            this.#length = view.code.value.length
        })
        view.form.addEventListener('keydown', (event) => {
            if (event.key !== 'Escape') return
            // First what was typed goes; a dialog around closes with the next.
            if (event.target === view.code && view.code.value) {
                this.#fill('')
                event.preventDefault()
                event.stopPropagation()
            } else this.#tell('otp-cancel')
        })
    }

    /** What the button does where the flow is. */
    async #next(view: View): Promise<void> {
        if (!can(view.submit)) return
        const { status } = this.flow.get()
        if (status !== 'sent') {
            await this.flow.start(status === 'idle' && !this.hasAttribute('known-phone') ? view.phone.value : undefined)
        } else if (!(await this.flow.confirm(view.code.value))) view.code.select()
    }

    #fill(code: string): void {
        const view = this.#view!
        view.code.value = code
        this.#length = code.length
        if (/^\p{Nd}{4,10}$/u.test(code)) void this.#next(view)
    }

    #show(): void {
        const view = this.#view!
        const state = this.flow.get()
        const knownPhone = this.getAttribute('known-phone')
        const canStart = !this.hasAttribute('session-id') || !!this.start
        view.show(state, { texts: this.#texts, knownPhone, canStart })
        const { status, error } = state
        if (status === this.#before && error === this.#error) return
        const began = status === 'sent' && this.#before === 'sending'
        this.#before = status
        if (status !== 'sent' && status !== 'checking') this.#fill('')
        this.#internals?.setFormValue(this.value || null)
        const valueMissing = this.hasAttribute('required') && !this.value
        this.#internals?.setValidity({ valueMissing }, this.#texts.code, view.submit)
        if (began) this.#hear()
        if (began && !error) this.#tell('otp-sent')
        if (status === 'verified') this.#tell('otp-verified')
        if (error && error !== this.#error) this.#tell('otp-error')
        this.#error = error
    }

    /** Events reach out of shadow roots and dialogs; `detail` is all that a listener needs. */
    #tell(name: string): void {
        this.dispatchEvent(new CustomEvent(name, { bubbles: true, composed: true, detail: this.flow.get() }))
    }

    #hear(): void {
        this.#hearing?.abort()
        const { signal } = (this.#hearing = new AbortController())
        void codeHeard(signal).then((code) => code && !signal.aborted && this.#fill(code))
    }
}
