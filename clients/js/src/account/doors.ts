/** What is said of a user's second factor and answered, as docs/api.md has it, with names in camelCase. */

import type { CallOptions, FactorMethod, OtpRequirement } from '../doors.js'

export interface TwoFactor {
    userId: string
    method: 'none' | 'sms' | 'app'
    appEnrolled: boolean
    appSince: string | null
    backupCodesRemaining: number
    /** How many devices are remembered. */
    devices: number
}

/** An app that is not in use before a code of it was right. */
export interface AppEnrolment {
    /** Base32, for apps that cannot see the picture. */
    secret: string
    /** The same for apps on this device. */
    otpauthUrl: string
    /** The same as a picture; show it as one, see `pictureOf`. */
    qrSvg: string
    expiresAt: string
}

export interface AppConfirmed {
    method: 'app'
    /** Shown this once; empty if there are unused ones of before. */
    backupCodes: string[]
}

export interface VerifyFactor {
    method: Exclude<FactorMethod, 'sms'>
    /** As typed. */
    code: string
    /** Also wants a signed token, as `verifyOtp` has it. */
    token?: boolean | undefined
    /** Remembers this device under this name, 1 to 64 characters. */
    rememberDevice?: string | undefined
}

export interface FactorVerified {
    verified: true
    method: VerifyFactor['method']
    token?: string
    deviceToken?: string
    deviceExpiresAt?: string
    backupCodesRemaining: number
}

export interface RequirementAsked {
    /** Minutes for which what was shown before counts. */
    within?: number | undefined
    /** Of a remembered device. It is good for this once: the answer brings the next one. */
    deviceToken?: string | undefined
}

export interface RememberedDevice {
    id: string
    name: string
    createdAt: string
    lastUsedAt: string | null
    expiresAt: string
}

/**
 * The doors of one user's second factor. Pages bring the user's token; what changes something wants that they verified
 * within 15 minutes (`verification-required` else). Your own server can stand in.
 */
export interface TwoFactorDoors {
    /** Whether the user must show a second factor now; as of the client, and by the token of a device. */
    otpRequirement(request: RequirementAsked, options?: CallOptions): Promise<OtpRequirement>
    twoFactor(options?: CallOptions): Promise<TwoFactor>
    /** `app` wants a confirmed app, `sms` a number. */
    setMethod(method: TwoFactor['method'], options?: CallOptions): Promise<TwoFactor>
    /** Checks a code that is no text; texts have `verifyOtp`. */
    verifySecondFactor(request: VerifyFactor, options?: CallOptions): Promise<FactorVerified>
    enrolApp(options?: CallOptions): Promise<AppEnrolment>
    /** The first code of the app: from then on it is the second factor. */
    confirmApp(code: string, options?: CallOptions): Promise<AppConfirmed>
    removeApp(options?: CallOptions): Promise<void>
    /** Ten new ones; all earlier ones are worth nothing then. */
    makeBackupCodes(options?: CallOptions): Promise<string[]>
    listDevices(options?: CallOptions): Promise<RememberedDevice[]>
    forgetDevice(id: string, options?: CallOptions): Promise<void>
    forgetAllDevices(options?: CallOptions): Promise<void>
}
