/** What an admin sets. Bodies are as docs/api.md has them: names in them can be yours, so none is changed. */

import type { CallOptions } from './doors.js'
import { call, type Caller } from './http.js'

/** What codes of one purpose allow. `PUT` sets all of it but the name. */
export interface OtpPurpose {
    purpose: string
    code_length: number
    lifetime_seconds: number
    max_attempts: number
    cool_down_seconds: number
    max_sends: number
    send_window_seconds: number
    resend: 'new' | 'same'
    template: string
    /** Host that codes are bound to by the last line of their text, by which browsers fill them in. */
    origin: string | null
}

export interface OtpSettings {
    purposes: OtpPurpose[]
    limits: { name: string; kind: string; per_seconds: number; most: number }[]
}

/** Doors of settings, by the path that docs/api.md names. */
export type SettingsPath = `/settings/${string}` | `/users/${string}/${'contact-settings' | 'phone'}`

export interface Settings {
    get(path: '/settings/otp', options?: CallOptions): Promise<OtpSettings>
    get<T = unknown>(path: SettingsPath, options?: CallOptions): Promise<T>
    put(
        path: `/settings/otp/purposes/${string}`,
        body: Omit<OtpPurpose, 'purpose'>,
        options?: CallOptions,
    ): Promise<OtpPurpose>
    put<T = unknown>(path: SettingsPath, body: object, options?: CallOptions): Promise<T>
}

export function settingsOf(caller: Caller): Settings {
    return {
        get: (path: string, options?: CallOptions) => call<any>(caller, { ...options, method: 'GET', path }),
        put: (path: string, body: object, options?: CallOptions) =>
            call<any>(caller, { ...options, method: 'PUT', path, body }),
    }
}
