/** One field and its button. What was typed stays in the page, and stays there if it was wrong. */

import { type FormEvent, type InputHTMLAttributes, type ReactNode, useEffect, useId, useRef } from 'react'
import { ENGLISH, type Texts } from '../element/texts.js'
import { SmsError } from '../error.js'
import { useWork } from './use-work.js'

export interface FieldFormProps {
    label: string
    action: string
    /** What kind of field it is. */
    input: InputHTMLAttributes<HTMLInputElement>
    /** Takes what was typed; if it fails, the message of its error is shown. */
    send(typed: string, signal: AbortSignal): Promise<void>
    /** How many tries are left. */
    left?: Texts['left'] | undefined
    children?: ReactNode
}

export function FieldForm({ label, action, input, send, left, children }: FieldFormProps) {
    const { busy, error, run } = useWork()
    const field = useRef<HTMLInputElement>(null)
    const id = useId()
    // Typing replaces what was wrong.
    useEffect(() => {
        if (error) field.current?.select()
    }, [error])
    const submit = (event: FormEvent) => {
        event.preventDefault()
        void run((signal) => send(field.current!.value, signal))
    }
    return (
        <form onSubmit={submit} noValidate aria-busy={busy}>
            <label htmlFor={id}>{label}</label>
            <input
                ref={field}
                id={id}
                aria-invalid={!!error}
                aria-describedby={error ? id + 'why' : undefined}
                {...input}
            />
            {error && (
                <p id={id + 'why'} role="alert">
                    {words(error, left)}
                </p>
            )}
            {children}
            <button aria-disabled={busy}>{action}</button>
        </form>
    )
}

function words(error: Error, left = ENGLISH.left): string {
    const attempts = error instanceof SmsError && error.status === 400 && error.attemptsRemaining
    return attempts ? `${error.message} ${left(attempts)}` : error.message
}
