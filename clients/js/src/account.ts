/** What an account has besides its login: the second factor, remembered devices, another number, a new password. */

export { fileOf, pictureOf } from './account/data-urls.js'
export { deviceName, type DeviceStore, deviceStore, requirementOf } from './account/device.js'
export type {
    AppConfirmed,
    AppEnrolment,
    FactorVerified,
    RememberedDevice,
    RequirementAsked,
    TwoFactor,
    TwoFactorDoors,
    VerifyFactor,
} from './account/doors.js'
export { changeNumber, resetPassword } from './account/flows.js'
export { redeemResetToken, type ResetTokenRedeemed } from './account/reset.js'
export { createTwoFactor, type TwoFactorOptions } from './account/two-factor.js'
