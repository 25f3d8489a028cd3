/** Phone login for React applications. */

export type { Proof } from './react/challenge.js'
export { ChangeNumber, type ChangeNumberProps } from './react/change-number.js'
export { type OtpRequirementAnswer, OtpOverlay, type OtpOverlayProps } from './react/otp-overlay.js'
export { OtpVerify, type OtpVerifyProps } from './react/otp-verify.js'
export { type NewPassword, PasswordReset, type PasswordResetProps } from './react/password-reset.js'
export { PhoneVerificationModal, type PhoneVerificationModalProps } from './react/phone-verification-modal.js'
export { ProtectedRoute, type ProtectedRouteProps } from './react/protected-route.js'
export { RememberedDevices, type RememberedDevicesProps } from './react/remembered-devices.js'
export { TwoFactorSetup, type TwoFactorSetupProps } from './react/two-factor-setup.js'
export { type SmsService, type SmsServiceOptions, useSmsService } from './react/use-sms-service.js'
