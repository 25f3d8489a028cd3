/** Why a call did not do what it was asked for. */

import { FIELD_WORDS, WORDS } from './words.js'

export interface FieldError {
    field: string
    message: string
}

/** A refusal by the gateway, as an RFC 9457 problem says it, or a call that got no answer. */
interface Problem {
    code?: string
    status?: number
    title?: string
    detail?: string
    errors?: FieldError[]
    attempts_remaining?: number
    request_id?: string
}

/** `message` can be shown to people; compare `code`. */
export class SmsError extends Error {
    override name = 'SmsError'
    /** A code of docs/errors.md, or of this client: `network`, `unexpected-answer`. */
    readonly code: string
    /** HTTP status; 0 if there was no answer. */
    readonly status: number
    /** For developers: what the gateway says, with the cure. */
    readonly detail: string | undefined
    readonly fields: FieldError[]
    readonly attemptsRemaining: number | undefined
    /** Seconds. */
    readonly retryAfter: number | undefined
    readonly requestId: string | undefined
    /** Whether it may have been done all the same, as when the answer was lost: then a repeat could do it twice. */
    readonly outcomeUnknown: boolean

    constructor(problem: Problem, more: { retryAfter?: number | undefined; outcomeUnknown?: boolean; cause?: unknown } = {}) {
        const code = problem.code ?? 'unexpected-answer'
        const field = problem.errors?.find(({ field }) => field in FIELD_WORDS)?.field
        super(WORDS[code] ?? (field ? FIELD_WORDS[field] : problem.detail ?? problem.title), { cause: more.cause })
        this.code = code
        this.status = problem.status ?? 0
        this.detail = problem.detail
        this.fields = problem.errors ?? []
        this.attemptsRemaining = problem.attempts_remaining
        this.retryAfter = more.retryAfter
        this.requestId = problem.request_id
        this.outcomeUnknown = more.outcomeUnknown ?? false
    }
}
