/** Phone login for React applications. */

export { type OtpRequirementAnswer, OtpOverlay, type OtpOverlayProps } from './react/otp-overlay.js'
export { OtpVerify, type OtpVerifyProps } from './react/otp-verify.js'
export { PhoneVerificationModal, type PhoneVerificationModalProps } from './react/phone-verification-modal.js'
export { ProtectedRoute, type ProtectedRouteProps } from './react/protected-route.js'
export { type SmsService, type SmsServiceOptions, useSmsService } from './react/use-sms-service.js'
