/**
 * A modal dialog by the browser's own means: what is behind it can neither be reached nor read, focus stays inside and
 * goes back afterwards.
 */

import { type KeyboardEvent, type ReactNode, type SyntheticEvent, useId, useRef } from 'react'
import { useBeforePaint } from './before-paint.js'
import { useStyle } from './style.js'

export interface DialogProps {
    title: string
    /** Asked for by Esc. Absent: it cannot be closed. */
    onClose?: (() => void) | undefined
    children: ReactNode
}

export function Dialog({ title, onClose, children }: DialogProps) {
    const dialog = useRef<HTMLDialogElement>(null)
    const heading = useId()
    useStyle()
    useBeforePaint(() => {
        const shown = dialog.current!
        shown.showModal()
        // Closing, while it is still there, gives the focus back; removing alone does not.
        return () => shown.close()
    }, [])
    return (
        <dialog
            ref={dialog}
            className="smsgw"
            aria-labelledby={heading}
            onCancel={(event: SyntheticEvent) => {
                event.preventDefault()
                onClose?.()
            }}
            // Browsers let a second Esc through whatever `cancel` says; not this one.
            onKeyDown={(event: KeyboardEvent) => {
                if (!onClose && event.key === 'Escape') event.preventDefault()
            }}
            onClose={() => {
                if (dialog.current?.open !== false) return
                if (onClose) onClose()
                else dialog.current.showModal()
            }}
        >
            <h2 id={heading}>{title}</h2>
            {children}
        </dialog>
    )
}
