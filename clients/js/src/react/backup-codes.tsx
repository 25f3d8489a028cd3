/** Backup codes, this once: to be copied, saved or written down. */

import { useState } from 'react'
import { fileOf } from '../account/data-urls.js'

export interface BackupCodesProps {
    codes: string[]
    words: typeof ENGLISH
    onDone(): void
}

export const ENGLISH = {
    copy: 'Copy',
    copied: 'Copied.',
    notCopied: 'The browser does not let them be copied: select them.',
    download: 'Save as a file',
    file: 'backup-codes.txt',
    kept: 'I have kept them',
}

export function BackupCodes({ codes, words, onDone }: BackupCodesProps) {
    const [said, say] = useState('')
    const copy = () =>
        // Absent on pages without TLS.
        Promise.resolve(navigator.clipboard?.writeText(codes.join('\n')) ?? Promise.reject()).then(
            () => say(words.copied),
            () => say(words.notCopied),
        )
    return (
        <>
            <ol className="smsgw-codes">
                {codes.map((code) => (
                    <li key={code}>
                        <code>{code}</code>
                    </li>
                ))}
            </ol>
            <button type="button" className="smsgw-plain" onClick={copy}>
                {words.copy}
            </button>
            <a className="smsgw-plain" href={fileOf(codes)} download={words.file}>
                {words.download}
            </a>
            <button type="button" className="smsgw-plain" onClick={onDone}>
                {words.kept}
            </button>
            <p role="status">{said}</p>
        </>
    )
}
