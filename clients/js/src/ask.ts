/** How doors are asked, by programs' names for fields. */

import type { SendOptions } from './doors.js'
import { call, type Caller, CURE, type Request, type Token } from './http.js'
import { fromWire, toWire } from './names.js'

export interface ClientOptions {
    /** Where the gateway is, as `https://sms.example.com`; or the part of your own server that stands in for it. */
    baseUrl: string
    /** `pk_…`, which anybody may see: opens the doors of codes on pages of its origins. */
    publishableKey?: string | undefined
    /** A user's JWT, or on a server a key `sk_…`; a function is asked before each call. */
    token?: Token | undefined
}

/** What a call is besides its address and its body. */
interface Manner extends SendOptions, Pick<Request, 'creates' | 'harmless'> {}

export type Ask = <T>(method: Request['method'], path: string, body?: object, manner?: Manner) => Promise<T>

export function callerOf({ baseUrl, publishableKey, token }: ClientOptions): Caller {
    if (publishableKey && !publishableKey.startsWith('pk_')) {
        throw new TypeError('publishableKey must begin with pk_, since everybody can read it: ' + CURE)
    }
    return {
        baseUrl: baseUrl.replace(/\/+$/, ''),
        bearer: token ?? publishableKey,
        mayRepeat: token !== undefined,
    }
}

export function askerOf(caller: Caller): Ask {
    return async <T>(method: Request['method'], path: string, body?: object, manner?: Manner) =>
        fromWire<T>(await call(caller, { ...manner, method, path, body: body && toWire(body) }))
}

/** A user's part of the gateway. */
export function pathOf(userId: string): string {
    return '/users/' + encodeURIComponent(userId)
}
