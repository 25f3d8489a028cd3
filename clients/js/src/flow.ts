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

export class OtpFlow {
    #options: () => FlowOptions
    #state: OtpState = { status: 'idle', cooldown: 0 }
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
            this.#tick()
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
        this.#run('sending', async (signal, { client, start, token: _, ...request }) => {
            const to = phone ?? this.#state.phone
            const sent = await (start
                ? start({ phone, signal })
                : client.sendOtp({ ...only(request), phone: to ?? '' }, { signal }))
            return { ...this.#sent(sent), phone: to, token: undefined }
        })

    /** Goes on with a session that somebody else began: your server, or this page before it was loaded again. */
    resume = (sessionId: string): Promise<boolean> =>
        this.#run('sending', async (signal, { client }) => this.#seen(await client.otpSession(sessionId, { signal })))

    /** Checks what was typed; true if it is right. */
    confirm = (otp: string): Promise<boolean> =>
        this.#run('checking', async (signal, { client, token }) => {
            const sessionId = this.#state.sessionId ?? ''
            try {
                const verified = await client.verifyOtp({ sessionId, otp, ...(token && { token }) }, { signal })
                return { status: 'verified', token: verified.token }
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
        this.#set({ status: 'idle', cooldown: 0 }, true)
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
        if (next.status !== 'sent') delete this.#ends.expiresIn
        this.#set(next)
        // How long the code is good, in seconds: a send tells it as a time of the gateway's clock only.
        if (next.status === 'sent' && this.#ends.expiresIn === undefined) void this.#refresh()
        return !next.error && !running.signal.aborted
    }

    #failed(before: OtpState['status'], cause: unknown): Partial<OtpState> {
        const error = cause instanceof SmsError ? cause : new SmsError({ code: 'network' }, { cause })
        const { code, retryAfter, attemptsRemaining } = error
        const ended = code === 'otp-locked' ? 'locked' : /^(otp-expired|otp-used|not-found)$/.test(code) && 'expired'
        // What an ended session asked to wait for says nothing about the next one.
        if (ended) this.#ends = {}
        if (retryAfter && error.status === 429) this.#ends.cooldown = performance.now() + retryAfter * 1000
        return { status: (before !== 'idle' && ended) || before, error, ...(attemptsRemaining !== undefined && { attemptsRemaining }) }
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

    #tick = (): void => {
        clearTimeout(this.#timer)
        if (!this.#listeners.size) return
        const now = performance.now()
        const left = [this.#ends.cooldown ?? 0, this.#ends.expiresIn ?? 0].map((end) => Math.max(0, end - now))
        if (this.#ends.expiresIn && !left[1]) {
            delete this.#ends.expiresIn
            void this.#refresh()
        }
        this.#set({}, false)
        const next = Math.min(...left.filter(Boolean).map((ms) => ms % 1000 || 1000))
        if (next < Infinity) this.#timer = setTimeout(this.#tick, next)
    }

    #set(change: Partial<OtpState>, anew = true): void {
        const now = performance.now()
        const seconds = (end: number) => Math.max(0, Math.ceil((end - now) / 1000))
        const { cooldown, expiresIn } = this.#ends
        const counts = {
            cooldown: cooldown ? seconds(cooldown) : 0,
            expiresIn: expiresIn ? seconds(expiresIn) : undefined,
        }
        const same = counts.cooldown === this.#state.cooldown && counts.expiresIn === this.#state.expiresIn
        if (!anew && same) return
        this.#state = change.status === 'idle' ? { ...change, ...counts, status: 'idle' } : { ...this.#state, ...change, ...counts }
        for (const listener of this.#listeners) listener()
        if (anew) this.#tick()
    }
}

/** Without what is undefined or not for this door. */
function only({ purpose, locale, userId }: Omit<FlowOptions, 'client' | 'start' | 'token'>) {
    return { purpose, locale, userId }
}
