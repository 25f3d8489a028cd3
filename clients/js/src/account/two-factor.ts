/** The doors of a user's second factor as functions. */

import { ask, type Asked, callerOf, type ClientOptions } from '../ask.js'
import { fromWire } from '../names.js'
import type { AppConfirmed, RememberedDevice, TwoFactorDoors } from './doors.js'
import { learnWords } from './words.js'

export interface TwoFactorOptions extends ClientOptions {
    /** Whose. Left out: `baseUrl` is a part of your own server, which knows whose by a cookie. */
    userId?: string | undefined
}

export function createTwoFactor({ userId, ...options }: TwoFactorOptions): TwoFactorDoors {
    learnWords()
    const caller = callerOf(options)
    const own = userId === undefined ? '' : '/users/' + encodeURIComponent(userId)
    const door = <T>(method: NonNullable<Asked['method']>, path: string, asked?: Asked) =>
        ask<T>(caller, own + path, { ...asked, method })
    const remove = async (path: string, options?: Asked) => void (await door('DELETE', path, options))
    return {
        otpRequirement: (body, options) => door('POST', '/otp-requirement', { ...options, body }),
        twoFactor: (options) => door('GET', '/two-factor', options),
        setMethod: (method, options) => door('PUT', '/two-factor', { ...options, body: { method } }),
        verifySecondFactor: (body, options) => door('POST', '/two-factor/verify', { ...options, body }),
        enrolApp: (options) => door('POST', '/two-factor/app', options),
        confirmApp: async (code, options) => {
            const asked = { ...options, body: { code } }
            const { backupCodes = [] } = await door<Partial<AppConfirmed>>('POST', '/two-factor/app/confirm', asked)
            return { method: 'app', backupCodes }
        },
        removeApp: (options) => remove('/two-factor/app', options),
        makeBackupCodes: async (options) =>
            (await door<{ codes: string[] }>('POST', '/two-factor/backup-codes', options)).codes,
        listDevices: async (options) => {
            const { devices } = await door<{ devices: object[] }>('GET', '/devices', options)
            return devices.map((device) => fromWire<RememberedDevice>(device))
        },
        forgetDevice: (id, options) => remove('/devices/' + encodeURIComponent(id), options),
        forgetAllDevices: (options) => remove('/devices', options),
    }
}
