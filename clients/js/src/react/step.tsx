/** A part that goes on by steps: its heading, what is to do now, and where the focus goes. */

import { type ReactNode, useEffect, useId, useRef } from 'react'
import { useStyle } from './style.js'

export interface StepProps {
    title: string
    /** What is said at this step. Whoever clicked on what is gone now finds the focus here. */
    said: string
    /** Why the last one did not work. */
    error?: Error | undefined
    children?: ReactNode
}

export function Step({ title, said, error, children }: StepProps) {
    useStyle()
    const heading = useId()
    const paragraph = useRef<HTMLParagraphElement>(null)
    const wasInside = useRef(false)
    useEffect(() => {
        // Not from elsewhere on the page, nor from a field that has taken it already.
        if (wasInside.current && document.activeElement === document.body) paragraph.current?.focus()
    }, [said])
    return (
        <section className="smsgw" aria-labelledby={heading} onFocus={() => (wasInside.current = true)}>
            <h2 id={heading}>{title}</h2>
            <p ref={paragraph} role="status" tabIndex={-1}>
                {said}
            </p>
            {error && <p role="alert">{error.message}</p>}
            {children}
        </section>
    )
}
