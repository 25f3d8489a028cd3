/**
 * A gateway of a test's own: a real HTTP server that answers as docs/api.md says, with what the test gives it in the
 * order of the calls. It remembers what it was asked.
 */

import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished, vi } from 'vitest'

export interface Heard {
    method: string
    path: string
    headers: IncomingHttpHeaders
    body: any
}

export interface Answer {
    status?: number
    headers?: Record<string, string>
    body?: unknown
    /** The connection ends instead, after the request was read: the answer is lost. */
    lost?: boolean
    /** Never answered. */
    silent?: boolean
}

type Answers = (heard: Heard) => Answer

export interface Gateway {
    url: string
    heard: Heard[]
    /** Answers given one after another by path; the last of a path is given again and again. */
    on(path: string, ...answers: (Answer | Answers)[]): Gateway
    /** How often a path was asked. */
    asked(path: string): number
}

export async function gateway(): Promise<Gateway> {
    const answers = new Map<string, (Answer | Answers)[]>()
    const heard: Heard[] = []
    const server = createServer(async (request, response) => {
        response.setHeader('access-control-allow-origin', '*')
        response.setHeader('access-control-allow-headers', 'authorization,content-type,idempotency-key')
        response.setHeader('access-control-allow-methods', 'GET,POST,PUT,DELETE')
        response.setHeader('access-control-expose-headers', 'retry-after')
        if (request.method === 'OPTIONS') return response.end()
        let text = ''
        for await (const chunk of request) text += chunk
        const path = request.url!.replace(/\?.*/, '')
        const one: Heard = {
            method: request.method!,
            path: request.url!,
            headers: request.headers,
            body: text && JSON.parse(text),
        }
        heard.push(one)
        const list = answers.get(path) ?? [{ status: 404, body: problem('not-found', 404) }]
        const next = list.length > 1 ? list.shift()! : list[0]!
        const answer = typeof next === 'function' ? next(one) : next
        if (answer.silent) return
        if (answer.lost) return void response.socket!.destroy()
        const status = answer.status ?? 200
        response.writeHead(status, {
            'content-type': status < 400 ? 'application/json' : 'application/problem+json',
            ...answer.headers,
        })
        response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? {}))
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    onTestFinished(() => {
        server.closeAllConnections()
        server.close()
    })
    const made: Gateway = {
        url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        heard,
        on(path, ...list) {
            answers.set(path, list)
            return made
        },
        asked: (path) => heard.filter((one) => one.path.replace(/\?.*/, '') === path).length,
    }
    return made
}

/** Waits for what is expected, on a busy machine too. */
export const until = (expected: () => void, milliseconds = 5000) => vi.waitFor(expected, milliseconds)

/** A problem document. */
export function problem(code: string, status: number, more: object = {}) {
    return {
        type: `/problems/${code}`,
        title: code,
        status,
        detail: `detail of ${code}`,
        code,
        request_id: 'r-1',
        ...more,
    }
}

export function refusal(code: string, status: number, more: object = {}, retryAfter?: number): Answer {
    const headers: Record<string, string> = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }
    return { status, headers, body: problem(code, status, more) }
}

export const SENT: Answer = {
    status: 202,
    body: { session_id: 's-1', expires_at: '2026-11-22T15:19:13.507Z', resend_after: 30, attempts_remaining: 5 },
}

/** A session as it stands; `more` in the gateway's names. */
export function session(more: object = {}): Answer {
    return {
        body: {
            session_id: 's-1',
            status: 'sent',
            purpose: 'login',
            phone: '+41*******01',
            attempts_remaining: 5,
            sends: 1,
            resend_after: 29,
            expires_in: 599,
            expires_at: '2026-11-22T15:19:13.507Z',
            created_at: '2026-11-22T15:09:13.569203Z',
            verified_at: null,
            ...more,
        },
    }
}
