/** The login flow as a hook, for pages that draw their own form. */

import { useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { OtpFlow } from '../flow.js'
import type { FlowOptions, OtpState } from '../flow-state.js'

export interface SmsServiceOptions extends FlowOptions {
    /** A session to go on with, that your server began or that you kept over a reload. */
    sessionId?: string | undefined
}

/** All counts are seconds or numbers that the gateway gave. */
export interface SmsService extends OtpState {
    /** Has a code sent to the number; true once it is. */
    start(phone?: string): Promise<boolean>
    /** Checks a code; true if it was right. */
    confirm(otp: string): Promise<boolean>
    /** Has another code sent, once `cooldown` is over. */
    resend(): Promise<boolean>
    /** Begins anew, as with another number. */
    reset(): void
}

export function useSmsService({ sessionId, ...options }: SmsServiceOptions): SmsService {
    const latest = useRef(options)
    useEffect(() => {
        latest.current = options
    })
    const [flow] = useState(() => new OtpFlow(() => latest.current))
    const state = useSyncExternalStore(flow.subscribe, flow.get, flow.get)
    useEffect(() => {
        if (sessionId && flow.get().sessionId !== sessionId) void flow.resume(sessionId)
    }, [flow, sessionId])
    return { ...state, start: flow.start, confirm: flow.confirm, resend: flow.resend, reset: flow.reset }
}
