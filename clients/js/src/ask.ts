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

/** What is not said is left out: without a body it is read, with one it is done. */
export interface Asked extends SendOptions, Partial<Pick<Request, 'method' | 'creates'>> {
    body?: object | undefined
}

export function callerOf({ baseUrl, publishableKey, token }: ClientOptions): Caller {
    if (publishableKey && !publishableKey.startsWith('pk_')) {
        throw new TypeError('publishableKey must begin with pk_: ' + CURE)
    }
    return {
        baseUrl: baseUrl.replace(/\/+$/, ''),
        bearer: token ?? publishableKey,
        mayRepeat: token !== undefined,
    }
}

export async function ask<T>(caller: Caller, path: string, { body, ...asked }: Asked = {}): Promise<T> {
    const method = body ? 'POST' : 'GET'
    return fromWire<T>(await call(caller, { method, ...asked, path, body: body && toWire(body) }))
}
