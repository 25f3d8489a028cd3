/**
 * Where a page keeps the token of its device. It stands for the second factor, not for a password, and only once: each
 * use brings the next one. Nothing here sets a cookie.
 */

import type { OtpRequirement } from '../doors.js'

/** Of one user in one browser. Yours may keep it elsewhere, as in the memory of an app. */
export interface DeviceStore {
    get(): string | undefined
    /** Without a token: it is forgotten. */
    set(token: string | undefined): void
}

/** What of a `Storage` is needed, as of `sessionStorage`. */
type Kept = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>

/**
 * Kept in `localStorage` under `smsgw-device:` and the user's id. Where there is none, or the browser refuses, nothing
 * is kept and the device is not remembered.
 */
export function deviceStore(userId: string, storage?: Kept): DeviceStore {
    const name = 'smsgw-device:' + userId
    const attempt = <T>(use: (storage: Kept) => T) => {
        try {
            // Asked for each time: even naming it throws where cookies are switched off.
            return use(storage ?? localStorage)
        } catch {
            return undefined
        }
    }
    return {
        get: () => attempt((storage) => storage.getItem(name)) ?? undefined,
        set: (token) => attempt((storage) => (token ? storage.setItem(name, token) : storage.removeItem(name))),
    }
}

/** Asks whether a code is needed, with the device's token if there is one, and keeps what the answer says of it. */
export async function requirementOf<T extends Pick<OtpRequirement, 'required'> & { deviceToken?: string | undefined }>(
    device: DeviceStore,
    ask: (deviceToken: string | undefined) => Promise<T>,
): Promise<T> {
    const once = async () => {
        const deviceToken = device.get()
        const answer = await ask(deviceToken)
        if (answer.deviceToken) device.set(answer.deviceToken)
        // It did not help: it ran out, or the user took it back.
        else if (deviceToken && answer.required) device.set(undefined)
        return answer
    }
    // One tab after the other: each token is good for one of them, who leaves the next one its own.
    return globalThis.navigator?.locks ? navigator.locks.request('smsgw-device', once) : once()
}

/** What users recognise a device by, as `Firefox on Linux`; of no meaning to the gateway. */
export function deviceName(agent: string = globalThis.navigator?.userAgent ?? ''): string {
    const first = (names: [RegExp, string][], otherwise: string) =>
        names.find(([pattern]) => pattern.test(agent))?.[1] ?? otherwise
    return `${first(BROWSERS, 'A browser')} on ${first(SYSTEMS, 'a device')}`
}

/** In this order: most say that they are also another. */
const BROWSERS: [RegExp, string][] = [
    [/Edg/, 'Edge'],
    [/OPR/, 'Opera'],
    [/Firefox|FxiOS/, 'Firefox'],
    [/Chrom|CriOS/, 'Chrome'],
    [/Safari/, 'Safari'],
]
const SYSTEMS: [RegExp, string][] = [
    [/Android/, 'Android'],
    [/iPhone|iPod/, 'iPhone'],
    [/iPad/, 'iPad'],
    [/Windows/, 'Windows'],
    [/Mac OS/, 'macOS'],
    [/CrOS/, 'ChromeOS'],
    [/Linux/, 'Linux'],
]
