/**
 * A login by code, step by step, for any user interface: the element and the React hook are views of this.
 *
 * What the gateway says is kept, and counted down on a clock that nobody sets. Where a countdown ends, the gateway is
 * asked; it alone decides that a code has expired.
 */

import type { OtpSent, OtpSession } from './doors.js'
import { SmsError } from './error.js'
import type { FlowOptions, OtpState, OtpStatus } from './flow-state.js'

type Work = (signal: AbortSignal, options: FlowOptions) => Promise<Partial<OtpState>>

/** How the state of a session looks to who types its code. */
const STATUS: { [status: string]: OtpStatus } = {
    verified: 'verified',
    expired: 'expired',
    superseded: 'expired',
    locked: 'locked',
    send_failed: 'failed',
}

const IDLE: OtpState = { status: 'idle', cooldown: 0 }

export class OtpFlow {
    #options: () => FlowOptions
    #state = IDLE
    #listeners = new Set<() => void>()
    #running: AbortController | undefined
    #timer: ReturnType<typeof setTimeout> | undefined
    /** When the countdowns end, on `performance.now()`. */
    #ends: { cooldown?: number; expiresIn?: number } = {}

    /** Options are read at each step, so they may change between two. */
    constructor(options: () => FlowOptions) {
        this.#options = options
    }

    /** The state of the moment: the same object until something changes. */
    get = (): OtpState => this.#state

    /** Calls `listener` at every change. Nothing is counted, and no call goes on, while nobody listens. */
    subscribe = (listener: () => void): (() => void) => {
        this.#listeners.add(listener)
        if (this.#listeners.size === 1) {
            globalThis.document?.addEventListener('visibilitychange', this.#refresh)
            this.#set({})
        }
        return () => {
            this.#listeners.delete(listener)
            if (this.#listeners.size) return
            globalThis.document?.removeEventListener('visibilitychange', this.#refresh)
            clearTimeout(this.#timer)
            this.#running?.abort()
        }
    }

    /** Has a code sent to `phone`; without one, where `options.start` knows, or to the number of before. */
    start = (phone?: string): Promise<boolean> =>
        this.#run('sending', async (signal, { client, start, purpose, locale, userId }) => {
            const to = phone ?? this.#state.phone
            const sent = await (start
                ? start({ phone, signal })
                : client.sendOtp({ phone: to ?? '', purpose, locale, userId }, { signal }))
            return { ...this.#sent(sent), phone: to, token: undefined, deviceToken: undefined, resetToken: undefined }
        })

    /** Goes on with a session that somebody else began: your server, or this page before it was loaded again. */
    resume = (sessionId: string): Promise<boolean> =>
        this.#run('sending', async (signal, { client }) => this.#seen(await client.otpSession(sessionId, { signal })))

    /** Checks what was typed; true if it is right. */
    confirm = (otp: string): Promise<boolean> =>
        this.#run('checking', async (signal, { client, token, rememberDevice }) => {
            const sessionId = this.#state.sessionId ?? ''
            try {
                const proven = await client.verifyOtp({ sessionId, otp, token, rememberDevice }, { signal })
                this.#ends = {}
                return { ...proven, status: 'verified' }
            } catch (error) {
                if (!(error instanceof SmsError && error.outcomeUnknown)) throw error
                // It may have been right, and then never is again. A proof that got lost does not come back.
                const seen = this.#seen(await client.otpSession(sessionId, { signal }))
                if (seen.status === 'verified' && !token) return seen
                return { ...seen, ...(seen.status === 'verified' && { status: 'expired' }), error }
            }
        })

    /** Another code for the same session. */
    resend = (): Promise<boolean> =>
        this.#run('sending', async (signal, { client }) =>
            this.#sent(await client.resendOtp({ sessionId: this.#state.sessionId ?? '' }, { signal })),
        )

    /** Back to the beginning, as to another number. */
    reset = (): void => {
        this.#running?.abort()
        this.#running = undefined
        this.#ends = {}
        this.#state = IDLE
        this.#set({})
    }

    /** One step at a time: a second click while one runs changes nothing. */
    async #run(status: 'sending' | 'checking', work: Work): Promise<boolean> {
        if (this.#running) return false
        const running = (this.#running = new AbortController())
        const before = this.#state.status
        this.#set({ status, error: undefined })
        let next: Partial<OtpState>
        try {
            next = await work(running.signal, this.#options())
        } catch (error) {
            next = running.signal.aborted ? { status: before } : this.#failed(before, error)
        }
        if (this.#running !== running) return false
        this.#running = undefined
        this.#set(next)
        // How long the code is good, in seconds: a send tells it as a time of the gateway's clock only.
        if (next.status === 'sent' && this.#ends.expiresIn === undefined) void this.#refresh()
        return !next.error && !running.signal.aborted
    }

    #failed(before: OtpState['status'], cause: unknown): Partial<OtpState> {
        // What is not the client's comes from `start`: its own words then.
        const error = cause instanceof SmsError ? cause : new SmsError({ detail: (cause as Error).message }, { cause })
        const { code, retryAfter, attemptsRemaining = this.#state.attemptsRemaining } = error
        // Right, but the number cannot be the user's: no other code will do, another number may.
        const refused = /phone-/.test(code) && 'idle'
        const ended =
            refused || (code === 'otp-locked' ? 'locked' : /expired|otp-used|not-found/.test(code) && 'expired')
        // What an ended session asked to wait for says nothing about the next one.
        if (ended) this.#ends = {}
        if (retryAfter && error.status === 429) this.#ends.cooldown = performance.now() + retryAfter * 1000
        return { status: ended || before, error, attemptsRemaining, ...(refused && { sessionId: undefined }) }
    }

    #sent({ sessionId, resendAfter, attemptsRemaining, challengeRequired }: Partial<OtpSent>): Partial<OtpState> {
        this.#ends = { cooldown: performance.now() + (resendAfter ?? 0) * 1000 }
        return { status: 'sent', sessionId, attemptsRemaining, challengeRequired }
    }

    #seen({ sessionId, status, phone, attemptsRemaining, resendAfter, expiresIn }: OtpSession): Partial<OtpState> {
        const now = performance.now()
        const seen = STATUS[status] ?? 'sent'
        // These seconds are whole and cut: what a send said of the wait is more exact, and the last one is waited for.
        const cooldown = Math.max(now + resendAfter * 1000, this.#ends.cooldown ?? 0)
        this.#ends = seen === 'sent' ? { cooldown, expiresIn: now + Math.max(1, expiresIn) * 1000 } : {}
        return { status: seen, sessionId, attemptsRemaining, phone: this.#state.phone ?? phone }
    }

    /** Asks how the session stands: a code may have expired, or another page may have used it. */
    #refresh = async (): Promise<void> => {
        const { sessionId, status } = this.#state
        if (status !== 'sent' || !sessionId || globalThis.document?.hidden) return
        let seen
        try {
            seen = await this.#options().client.otpSession(sessionId)
        } catch {
            // The next step says what is wrong; until then there is no countdown.
            return
        }
        // Meanwhile another step may have begun, whose answer is newer.
        if (this.#state.status !== 'sent' || this.#state.sessionId !== sessionId) return
        const next = this.#seen(seen)
        this.#set(next.status === 'expired' ? { ...next, error: new SmsError({ code: 'otp-expired' }) } : next)
    }

    /** Changes the state, counts down, and comes again with the next second. */
    #set(change: Partial<OtpState>): void {
        clearTimeout(this.#timer)
        const left = (end: number) => Math.max(0, end - performance.now())
        const cooldown = left(this.#ends.cooldown ?? 0)
        const expiresIn = this.#ends.expiresIn && left(this.#ends.expiresIn)
        this.#state = {
            ...this.#state,
            ...change,
            cooldown: Math.ceil(cooldown / 1000),
            expiresIn: expiresIn && Math.ceil(expiresIn / 1000),
        }
        for (const listener of this.#listeners) listener()
        if (!this.#listeners.size) return
        if (expiresIn === 0) {
            delete this.#ends.expiresIn
            void this.#refresh()
        }
        const next = Math.min(...[cooldown, expiresIn ?? 0].filter(Boolean).map((ms) => ms % 1000 || 1000))
        if (next < Infinity) this.#timer = setTimeout(() => this.#set({}), next)
    }
}
