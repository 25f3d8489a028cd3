//! What a user is asked for after a sign-in, and what they can show.

use shared::store::api_keys::Scope::Otp;

use super::{Door, limit};
use crate::problem::kinds::*;
use crate::routes::limits;

const FACTOR: &str = "/users/{id}/two-factor";
const REQUIREMENT: &str = "/users/{id}/otp-requirement";

/// Those doors.
pub(super) fn all() -> Vec<Door> {
    [requirement(), factors(), devices()].into_iter().flatten().collect()
}

fn door(method: &'static str, path: &'static str, id: &'static str) -> Door {
    Door::new(method, path, id, "people").needs(Otp).open_to_users().refuses(&[&INVALID_REQUEST])
}

fn requirement() -> Vec<Door> {
    let (usual, most) = limits::MINUTES;
    vec![
        door("get", REQUIREMENT, "getOtpRequirement")
            .says("Tell whether a user must show now that they are who they say")
            .asks(
                "within",
                &limit(i64::from(usual), i64::from(most)),
                "Minutes for which a verification counts",
            )
            .gives("OtpRequirement", "Whether, and why"),
        door("post", REQUIREMENT, "presentDevice")
            .says("The same, on a device that may be remembered")
            .takes("OtpRequirementRequest")
            .gives("OtpRequirement", "Whether, and why; with the device's next token where it was taken"),
    ]
}

fn factors() -> Vec<Door> {
    let checks = [&OTP_WRONG, &OTP_LOCKED];
    let changes = |method, path, id| door(method, path, id).refuses(&[&VERIFICATION_REQUIRED]);
    vec![
        door("get", FACTOR, "getTwoFactor")
            .says("Show a user's second factor")
            .gives("TwoFactor", "What they are asked for, and what they have"),
        changes("put", FACTOR, "putTwoFactor")
            .says("Set what a user is asked for; none revokes their devices")
            .takes("TwoFactorRequest")
            .gives("TwoFactor", "What they are asked for, and what they have"),
        changes("post", "/users/{id}/two-factor/app", "enrolApp")
            .says(
                "Begin to enrol an authenticator app; it counts once a code confirms it, within ten minutes",
            )
            .makes_secrets("AppEnrolment"),
        changes("post", "/users/{id}/two-factor/app/confirm", "confirmApp")
            .says("Confirm an authenticator app by its first code; from then on its codes are asked for")
            .takes("AppConfirmation")
            .gives("AppConfirmed", "With backup codes if the user had none left")
            .refuses(&checks)
            .refuses(&[&OTP_EXPIRED]),
        changes("delete", "/users/{id}/two-factor/app", "removeApp")
            .says("Remove a user's authenticator app, and revoke their devices")
            .gives_nothing("Removed"),
        changes("post", "/users/{id}/two-factor/backup-codes", "makeBackupCodes")
            .says("Make ten backup codes; all earlier ones are worth nothing")
            .makes_secrets("BackupCodes"),
        door("post", "/users/{id}/two-factor/verify", "verifyTwoFactor")
            .says("Check a code of a user's app, or a backup code; a right one is good once")
            .takes("TwoFactorCheck")
            .gives("TwoFactorVerified", "It is right")
            .refuses(&checks)
            .refuses(&[&OTP_USED]),
    ]
}

fn devices() -> Vec<Door> {
    vec![
        door("get", "/users/{id}/devices", "listDevices")
            .says("List the devices on which a user need not show a second factor")
            .gives("Devices", "The newest first"),
        door("delete", "/users/{id}/devices", "revokeDevices")
            .says("Revoke all devices of a user")
            .gives_nothing("Revoked"),
        door("delete", "/users/{id}/devices/{device_id}", "revokeDevice")
            .says("Revoke one device")
            .gives_nothing("Revoked"),
    ]
}
