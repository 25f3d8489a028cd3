/**
 * A modal dialog by the browser's own means: what is behind it can neither be reached nor read, focus stays inside and
 * goes back afterwards.
 */

import { type KeyboardEvent, type ReactNode, type SyntheticEvent, useId, useRef } from 'react'
import { useBeforePaint } from './before-paint.js'

export interface DialogProps {
    title: string
    /** Asked for by Esc. Absent: it cannot be closed. */
    onClose?: (() => void) | undefined
    children: ReactNode
}

/** Adopted, like the element's: a strict Content-Security-Policy refuses styles that are written into the page. */
const CSS = `
dialog.smsgw-dialog{box-sizing:border-box;width:min(26rem,calc(100vw - 1.5rem));max-height:calc(100dvh - 1.5rem);
padding:1.25rem;border:1px solid light-dark(#c6cad1,#3c4149);border-radius:.75rem;color-scheme:light dark;
background:light-dark(#fff,#1d2025);color:light-dark(#16181c,#f2f4f8)}
dialog.smsgw-dialog::backdrop{background:rgb(0 0 0/.6)}
dialog.smsgw-dialog h2{margin:0 0 .75rem;font-size:1.25rem}
dialog.smsgw-dialog>button{margin:.75rem 1.5rem 0 0;padding:.5rem 0;min-height:2.75rem;border:0;background:0 0;color:inherit;
font:inherit;text-decoration:underline;cursor:pointer}`

let adopted = false

export function Dialog({ title, onClose, children }: DialogProps) {
    const dialog = useRef<HTMLDialogElement>(null)
    const heading = useId()
    useBeforePaint(() => {
        if (!adopted) {
            const sheet = new CSSStyleSheet()
            sheet.replaceSync(CSS)
            document.adoptedStyleSheets.push(sheet)
            adopted = true
        }
        const shown = dialog.current!
        shown.showModal()
        // Closing, while it is still there, gives the focus back; removing alone does not.
        return () => shown.close()
    }, [])
    return (
        <dialog
            ref={dialog}
            className="smsgw-dialog"
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
