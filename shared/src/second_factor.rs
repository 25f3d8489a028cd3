//! The second factor beside codes by SMS: backup codes, authenticator apps, remembered devices. Pure, without I/O and
//! clock; what is kept of each is in the store.

mod app_secret;
mod backup_code;
mod device_token;

pub use app_secret::{APP_CODE_DIGITS, AppSecret};
pub use backup_code::{BACKUP_CODES, BackupCode, InvalidBackupCode};
pub use device_token::DeviceToken;

/// Which factor a user is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Method {
    /// None.
    #[default]
    None,
    /// A code by SMS.
    Sms,
    /// A code of an authenticator app.
    App,
}

impl Method {
    /// The word used in JSON and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Sms => "sms",
            Self::App => "app",
        }
    }
}

/// What shows that a user is who they say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// A code by SMS.
    Sms,
    /// A code of an authenticator app.
    App,
    /// A backup code.
    BackupCode,
}

impl Proof {
    /// The word used in JSON and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::App => "app",
            Self::BackupCode => "backup_code",
        }
    }
}
