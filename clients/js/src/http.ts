/** One call to the gateway: its key, its deadline, its repeats, and its refusal as an error. */

import type { SendOptions } from './doors.js'
import { SmsError } from './error.js'

/** A token, or what gives the one of the moment, for tokens that are renewed. */
export type Token = string | (() => string | Promise<string>)

export interface Caller {
    baseUrl: string
    /** Publishable key or token. Absent: your own server stands in between and knows the caller by a cookie. */
    bearer?: Token | undefined
    /** Whether an `Idempotency-Key` may be brought; pages may not. */
    mayRepeat: boolean
}

export interface Request extends SendOptions {
    method: 'GET' | 'POST' | 'PUT' | 'DELETE'
    path: string
    body?: unknown
    /** Whether it creates something, so that doing it twice does harm unless a key says that it is the same. */
    creates?: boolean
}

/** How often a call is made at most, and the longest `Retry-After` that is waited for without asking anybody. */
const TRIES = 3
const PATIENCE_SECONDS = 5
/** How a page comes to a key. */
export const CURE = 'smsgw keys create NAME --origins …'
/** No answer after this is none. */
const DEADLINE_MS = 20_000

/**
 * Sends it, again where that is harmless.
 *
 * What the gateway says it did not do (408, `overloaded`, `idempotency-key-running`) can always be repeated. Without an
 * answer, or if the outcome is unknown, only what reads, what replaces, and what has an `Idempotency-Key` is: a text is
 * never sent twice because an answer was lost. A 429 is for the caller to tell about, however short.
 *
 * @throws SmsError, or the reason of the signal.
 */
export async function call<T>(caller: Caller, request: Request): Promise<T> {
    const headers: Record<string, string> = {}
    if (request.body !== undefined) headers['content-type'] = 'application/json'
    if (request.creates && caller.mayRepeat) headers['idempotency-key'] = request.idempotencyKey ?? randomKey()
    const harmless = request.method !== 'POST' || 'idempotency-key' in headers
    for (let tried = 1; ; tried++) {
        try {
            return await once<T>(caller, request, headers, !harmless)
        } catch (error) {
            request.signal?.throwIfAborted()
            const wait = error instanceof SmsError ? (error.retryAfter ?? 2 ** tried / 4) : Infinity
            const { code } = error as SmsError
            const again = REFUSED.test(code) || (harmless && UNKNOWN.test(code))
            if (!again || tried === TRIES || wait > PATIENCE_SECONDS) throw error
            // Up to half as long again, so that not all callers come back at once.
            await sleep(wait * 1000 * (1 + Math.random() / 2), request.signal)
        }
    }
}

/** Nothing was done, says the gateway; and what may have been done. */
const REFUSED = /request-timeout|overloaded|running/
const UNKNOWN = /unavailable|network/

async function once<T>(caller: Caller, request: Request, headers: Record<string, string>, risky: boolean): Promise<T> {
    const { method, path, body, signal } = request
    const bearer = typeof caller.bearer === 'function' ? await caller.bearer() : caller.bearer
    const late = AbortSignal.timeout(DEADLINE_MS)
    let response, answer
    try {
        response = await fetch(caller.baseUrl + path, {
            method,
            headers: bearer ? { ...headers, authorization: 'Bearer ' + bearer } : headers,
            ...(body !== undefined && { body: JSON.stringify(body) }),
            signal: signal ? AbortSignal.any([signal, late]) : late,
        })
        answer = response.status === 204 ? '{}' : await response.text()
    } catch (cause) {
        const detail = `no answer from ${caller.baseUrl}. Pages need ${CURE}`
        throw new SmsError({ code: 'network', detail }, { cause, outcomeUnknown: risky })
    }
    let json
    try {
        json = JSON.parse(answer)
    } catch {
        // A page of a proxy, for example.
    }
    if (response.ok && json) return json as T
    const status = response.status
    // Whatever stands in between may have failed after the gateway was done; its words are not for people.
    const code = status > 501 ? 'unavailable' : undefined
    const problem = json?.code ? json : { code, status, detail: 'not the gateway: check baseUrl' }
    throw new SmsError(problem, {
        retryAfter: Number(response.headers.get('retry-after')) || undefined,
        outcomeUnknown: risky && (response.ok || problem.code === 'unavailable'),
    })
}

/** `crypto.randomUUID` is missing on pages without TLS; this is not. */
function randomKey(): string {
    return crypto.getRandomValues(new Uint32Array(4)).join('-')
}

function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
        const timer = setTimeout(resolve, milliseconds)
        signal?.addEventListener('abort', () => (clearTimeout(timer), reject(signal.reason)), { once: true })
    })
}
