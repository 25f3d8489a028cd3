/** The doors of a user's second factor as functions. */

import { askerOf, callerOf, type ClientOptions, pathOf } from '../ask.js'
import type { CallOptions } from '../doors.js'
import { SmsError } from '../error.js'
import { fromWire } from '../names.js'
import type { RememberedDevice, TwoFactorDoors } from './doors.js'
import { WORDS } from './words.js'

export interface TwoFactorOptions extends ClientOptions {
    /** Whose. Left out: `baseUrl` is a part of your own server, which knows whose by a cookie. */
    userId?: string | undefined
}

export function createTwoFactor({ userId, ...options }: TwoFactorOptions): TwoFactorDoors {
    const asked = askerOf(callerOf(options))
    const own = userId === undefined ? '' : pathOf(userId)
    const ask: typeof asked = (method, path, body, manner) => asked<any>(method, own + path, body, manner).catch(tell)
    const harmless = (options?: CallOptions) => ({ ...options, harmless: true })
    const device = (id: string) => '/devices/' + encodeURIComponent(id)
    return {
        twoFactor: (options) => ask('GET', '/two-factor', undefined, options),
        setMethod: (method, options) => ask('PUT', '/two-factor', { method }, options),
        verifySecondFactor: (request, options) => ask('POST', '/two-factor/verify', request, options),
        // What was begun before is replaced, and so are codes that nobody has seen.
        enrolApp: (options) => ask('POST', '/two-factor/app', undefined, harmless(options)),
        confirmApp: async (code, options) => {
            const confirmed = await ask<{ backupCodes?: string[] }>('POST', '/two-factor/app/confirm', { code }, options)
            return { method: 'app', backupCodes: confirmed.backupCodes ?? [] }
        },
        removeApp: (options) => ask('DELETE', '/two-factor/app', undefined, options),
        makeBackupCodes: async (options) =>
            (await ask<{ codes: string[] }>('POST', '/two-factor/backup-codes', undefined, harmless(options))).codes,
        listDevices: async (options) => {
            const { devices } = await ask<{ devices: object[] }>('GET', '/devices', undefined, options)
            return devices.map((device) => fromWire<RememberedDevice>(device))
        },
        forgetDevice: (id, options) => ask('DELETE', device(id), undefined, options),
        forgetAllDevices: (options) => ask('DELETE', '/devices', undefined, options),
    }
}

/** The same refusal in words for people; what pages load for a login alone does not have them. */
function tell(error: unknown): never {
    if (error instanceof SmsError) error.message = WORDS[error.code] ?? error.message
    throw error
}
