/** The client of an smsgw gateway: one-time codes for pages, and more for servers that hold an admin key. */

export { createSmsClient } from './client.js'
export type { AdminSmsClient, SmsClient, TokenSmsClient } from './client.js'
export type { ClientOptions } from './ask.js'
export { SmsError } from './error.js'
export type { FieldError } from './error.js'
export { OtpFlow } from './flow.js'
export type { FlowOptions, OtpState, OtpStatus } from './flow-state.js'
export type {
    CallOptions,
    FactorMethod,
    OtpDoors,
    OtpRequirement,
    OtpSent,
    OtpSession,
    OtpVerified,
    SendOtp,
    SendTemplate,
    TemplateSent,
    VerifyOtp,
} from './doors.js'
export type { OtpPurpose, OtpSettings, Settings } from './settings.js'
