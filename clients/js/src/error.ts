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
    /** A code of docs/errors.md, or of this client: `network`, `unexpected-answer`. */
    declare readonly code: string
    /** HTTP status; 0 if there was no answer. */
    declare readonly status: number
    /** For developers: what the gateway says, with the cure. */
    declare readonly detail: string | undefined
    declare readonly fields: FieldError[]
    declare readonly attemptsRemaining: number | undefined
    /** Seconds. */
    declare readonly retryAfter: number | undefined
    declare readonly requestId: string | undefined
    /** Whether it may have been done all the same, as when the answer was lost: then a repeat could do it twice. */
    declare readonly outcomeUnknown: boolean

    constructor(
        problem: Problem,
        more: { retryAfter?: number | undefined; outcomeUnknown?: boolean; cause?: unknown } = {},
    ) {
        const { code = 'unexpected-answer', status = 0, title, detail, errors: fields = [] } = problem
        const field = fields.find(({ field }) => FIELD_WORDS[field])?.field
        super(WORDS[code] ?? FIELD_WORDS[field ?? ''] ?? detail ?? title)
        Object.assign(this, {
            name: 'SmsError',
            code,
            status,
            detail,
            fields,
            attemptsRemaining: problem.attempts_remaining,
            requestId: problem.request_id,
            outcomeUnknown: false,
            ...more,
        })
    }
}
