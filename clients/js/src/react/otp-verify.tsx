/** The element as a component: properties that are objects and functions reach it, and its events come back. */

import { type ComponentType, createElement, useRef } from 'react'
import type { OtpEventDetail, OtpVerifyElement, Texts } from '../element.js'
import '../element.js'
import type { FlowOptions } from '../flow-state.js'
import { useBeforePaint } from './before-paint.js'

export interface OtpVerifyProps extends FlowOptions {
    /** Number to begin with. */
    phone?: string | undefined
    /** Masked number that your server knows and sends to; nobody is asked for it then. */
    knownPhone?: string | undefined
    /** A session to go on with. */
    sessionId?: string | undefined
    texts?: Partial<Texts> | undefined
    /** Takes the focus where it appears, as in place of what was clicked. */
    autoFocus?: boolean | undefined
    onSent?: ((detail: OtpEventDetail) => void) | undefined
    onVerified?: ((detail: OtpEventDetail) => void) | undefined
    onError?: ((detail: OtpEventDetail) => void) | undefined
    /** Esc, with nothing typed. */
    onCancel?: (() => void) | undefined
}

const Element = 'otp-verify' as unknown as ComponentType<Record<string, unknown>>

export function OtpVerify(props: OtpVerifyProps) {
    const element = useRef<OtpVerifyElement>(null)
    const latest = useRef(props)
    useBeforePaint(() => {
        latest.current = props
        const { client, start, rememberDevice, texts } = props
        const host = element.current!
        host.client = client
        host.start = start
        host.rememberDevice = rememberDevice
        if (texts) host.texts = texts
    })
    useBeforePaint(() => {
        const host = element.current!
        const listening = new AbortController()
        const on = (
            name: 'otp-sent' | 'otp-verified' | 'otp-error' | 'otp-cancel',
            tell: (detail: OtpEventDetail) => void,
        ) => host.addEventListener(name, ({ detail }) => tell(detail), { signal: listening.signal })
        on('otp-sent', (detail) => latest.current.onSent?.(detail))
        on('otp-verified', (detail) => latest.current.onVerified?.(detail))
        on('otp-error', (detail) => latest.current.onError?.(detail))
        on('otp-cancel', () => latest.current.onCancel?.())
        if (latest.current.autoFocus) host.focus()
        return () => listening.abort()
    }, [])
    const { phone, knownPhone, sessionId, purpose, locale, token } = props
    return createElement(Element, {
        ref: element,
        phone,
        purpose,
        locale,
        'known-phone': knownPhone,
        'session-id': sessionId,
        'with-token': token ? '' : undefined,
    })
}
