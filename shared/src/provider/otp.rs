//! Codes that a provider makes: it sends them and it alone can check them, so we never see one.
//!
//! A session with such a code knows the provider and the id the vendor gave it; a check goes there, by
//! [`super::Provider::check_otp`], and nowhere else.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::SendError;
use crate::otp_code::CodeLength;
use crate::phone::PhoneNumber;

/// How long one check may take: somebody waits for the answer.
pub(super) const CHECK_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a code that a provider makes may be trusted to be: what 2Factor.in and a Verify service of Twilio's make unless
/// somebody set the account up otherwise, which no answer tells.
pub const MADE_CODE_LENGTH: CodeLength = CodeLength::SIX;
/// What a provider that makes no codes answers when it is asked for one.
pub(super) const MAKES_NO_CODES: &str = "makes_no_codes";

/// Who makes the codes that an account sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CodeMode {
    /// We do: the account sends the code we give it, by a text or a template.
    #[default]
    Template,
    /// The provider does.
    Autogen,
}

/// A word that is no mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is unknown: use template or autogen")]
pub struct UnknownCodeMode;

impl FromStr for CodeMode {
    type Err = UnknownCodeMode;

    fn from_str(text: &str) -> Result<Self, UnknownCodeMode> {
        match text {
            "template" => Ok(Self::Template),
            "autogen" => Ok(Self::Autogen),
            _ => Err(UnknownCodeMode),
        }
    }
}

/// A code that somebody typed, for the provider that made the right one.
#[derive(Clone, Copy)]
pub struct OtpCheck<'a> {
    /// The id that [`super::Provider::start_otp`] returned.
    pub session: &'a str,
    /// To whom the code was sent.
    pub phone: &'a PhoneNumber,
    /// What was typed, digits only.
    pub code: &'a str,
}

/// Never shows what was typed.
impl fmt::Debug for OtpCheck<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtpCheck")
            .field("session", &self.session)
            .field("phone", &self.phone)
            .finish_non_exhaustive()
    }
}

/// What a provider says of a typed code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// It is the code. Vendors say so once: the same code is `Ended` afterwards.
    Right,
    /// It is not the code; another may be.
    Wrong,
    /// No code can be right any more: too old, used, too often wrong, or a session the vendor does not know.
    Ended,
}

/// Why a provider said nothing about a code; each variant asks the caller for one reaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// It may answer later: the same check can be asked again. One whose answer was lost may still have used the code
    /// up; it then comes back as [`Checked::Ended`].
    #[error("the provider is away: {reason}")]
    Away {
        /// How long the vendor asked us to stay away.
        retry_after: Option<Duration>,
        /// A short, stable reason in our words.
        reason: &'static str,
    },
    /// It will not answer before somebody has changed the account or its settings.
    #[error("the provider cannot check codes: {reason}")]
    Unusable {
        /// A short, stable reason in our words.
        reason: &'static str,
    },
}

/// What a failed call, or an answer that only its status explains, means for a check. Doubt is no matter here: a check
/// may be repeated.
impl From<SendError> for CheckError {
    fn from(error: SendError) -> Self {
        let reason = error.answer().reason;
        match error {
            SendError::Throttled { retry_after, .. } => Self::Away { retry_after, reason },
            SendError::Unavailable { .. } | SendError::InDoubt { .. } => {
                Self::Away { retry_after: None, reason }
            }
            SendError::Rejected { .. }
            | SendError::OptedOut { .. }
            | SendError::Refused { .. }
            | SendError::Unusable { .. } => Self::Unusable { reason },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_does_not_show_the_code_in_debug_output() {
        let phone = PhoneNumber::parse("+919876543210", None).expect("a number");
        let check = OtpCheck { session: "s-1", phone: &phone, code: "493817" };
        let shown = format!("{check:?}");
        assert!(shown.contains("s-1") && !shown.contains("493817"), "{shown}");
    }

    #[test]
    fn a_mode_is_one_of_two_words() {
        assert_eq!("template".parse(), Ok(CodeMode::Template));
        assert_eq!("autogen".parse(), Ok(CodeMode::Autogen));
        assert_eq!("AUTOGEN".parse::<CodeMode>(), Err(UnknownCodeMode));
    }
}
