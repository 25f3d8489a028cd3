//! Which problem each error of a use case is.

use std::time::Duration;

use shared::country_rules::Rule;
use shared::limits::{Exceeded, Limit, Standing};

use super::kinds::*;
use super::{FieldError, Problem};
use crate::accept::Refusal;
use crate::idempotency::IdempotencyError;
use crate::intake::IntakeError;
use crate::otp::resend::ResendError;
use crate::otp::verify::VerifyError;

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        if shared::db::is_away(&error) {
            Self::unavailable("the database does not answer; ask again", &error)
        } else {
            Self::internal(&error)
        }
    }
}

impl From<serde_json::Error> for Problem {
    fn from(error: serde_json::Error) -> Self {
        Self::internal(&error)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Fields(errors) => Self::fields(errors),
            Refusal::CountryBlocked { field, country } => {
                let message = match country {
                    Some(country) => format!("numbers of {country} are not allowed (SMSGW_COUNTRIES)"),
                    None => "belongs to no country that is allowed (SMSGW_COUNTRIES)".to_owned(),
                };
                Self {
                    errors: vec![FieldError { field: field.into(), message: message.clone() }],
                    ..Self::new(&COUNTRY_BLOCKED, message)
                }
            }
            Refusal::CountryRule(breach) => {
                let field = if breach.rule == Rule::SenderType { "sender" } else { "template" };
                let message = breach.to_string();
                Self {
                    errors: vec![FieldError { field: field.into(), message: message.clone() }],
                    ..Self::new(&COUNTRY_RULE, message)
                }
            }
        }
    }
}

impl From<IntakeError> for Problem {
    fn from(error: IntakeError) -> Self {
        match &error {
            IntakeError::Full => {
                Self::new(&OVERLOADED, "more requests wait than can be stored in time; nothing was stored")
                    .retry_after(Duration::from_secs(1))
            }
            IntakeError::Away => {
                Self::unavailable("the database does not answer; nothing was stored", &error)
            }
            IntakeError::OutcomeUnknown => Self::unavailable(
                "outcome unknown: the database went away during the commit, so the message may be stored. \
                 Requests with an Idempotency-Key can be repeated without sending twice",
                &error,
            ),
            IntakeError::Refused(_) => Self::internal(&error),
        }
    }
}

impl From<IdempotencyError> for Problem {
    fn from(error: IdempotencyError) -> Self {
        match error {
            IdempotencyError::OtherRequest => {
                let message = "was used for a request with another method, path or body";
                Self {
                    errors: vec![FieldError { field: "idempotency-key".into(), message: message.into() }],
                    ..Self::new(&IDEMPOTENCY_MISMATCH, format!("the key {message}"))
                }
            }
            IdempotencyError::Running => Self::new(&IDEMPOTENCY_RUNNING, "wait for its answer, then repeat")
                .retry_after(Duration::from_secs(1)),
            IdempotencyError::CommitUnknown(source) => Self::unavailable(
                "outcome unknown: the database went away during the commit, so the work may be done. \
                 A request with an Idempotency-Key can be repeated without doing it twice",
                &source,
            ),
            IdempotencyError::Store(source) => source.into(),
        }
    }
}

impl From<Exceeded> for Problem {
    fn from(Exceeded(standing): Exceeded) -> Self {
        let Limit { name, per, most, .. } = &standing.limit;
        let detail = format!(
            "the limit {name} is reached: at most {most} codes within {} seconds; see Retry-After",
            per.as_secs()
        );
        let wait = standing.reset;
        Self { standing: Some(Box::new(standing)), ..Self::new(&RATE_LIMITED, detail) }.retry_after(wait)
    }
}

impl Problem {
    /// With the standing, if there is one, only as far as the caller may be told that.
    pub(crate) fn telling(self, is_told: impl Fn(&Standing) -> bool) -> Self {
        match self.standing {
            Some(standing) if !is_told(&standing) => Self {
                standing: None,
                detail: "too many codes were asked for; see Retry-After".to_owned(),
                // To the minute: when others had codes sent is theirs.
                retry_after: self
                    .retry_after
                    .map(|wait| Duration::from_secs(wait.as_secs().div_ceil(60) * 60)),
                ..self
            },
            standing => Self { standing, ..self },
        }
    }
}

impl From<VerifyError> for Problem {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Wrong { attempts_remaining } => {
                Self::new(&OTP_WRONG, "the code does not match").attempts_remaining(attempts_remaining)
            }
            VerifyError::Expired => {
                Self::new(&OTP_EXPIRED, "the session has ended or never was; start another")
                    .attempts_remaining(0)
            }
            VerifyError::Used => Self::new(&OTP_USED, "a code is good for one sign-in").attempts_remaining(0),
            VerifyError::Locked => {
                Self::new(&OTP_LOCKED, "the session is locked; start another").attempts_remaining(0)
            }
            VerifyError::PhoneLocked { wait } => Self::new(
                &OTP_LOCKED,
                "too many wrong codes for this phone; see Retry-After for when another can be tried",
            )
            .retry_after(wait.unwrap_or(Duration::from_secs(1)))
            .attempts_remaining(0),
            VerifyError::ProviderAway { retry_after } => Self::new(
                &UNAVAILABLE,
                "the provider that made this code does not answer; the check was not counted, ask again",
            )
            .retry_after(retry_after.unwrap_or(Duration::from_secs(1))),
            VerifyError::Length { digits } => Self::field("otp", format!("must be exactly {digits} digits")),
            VerifyError::PhoneTaken => Self::phone_taken(),
            VerifyError::OldPhoneUnverified => Self::old_phone_unverified(),
            VerifyError::UnknownKey(error) => Self::internal(&error),
            VerifyError::Intake(error) => Self::of_check(&error),
            VerifyError::Store(error) => error.into(),
        }
    }
}

impl Problem {
    /// Of a check that could not be made, or not for certain.
    fn of_check(error: &IntakeError) -> Self {
        match error {
            IntakeError::Full => {
                Self::new(&OVERLOADED, "more checks wait than can be made in time; this one was not counted")
                    .retry_after(Duration::from_secs(1))
            }
            IntakeError::Away => {
                Self::unavailable("the database does not answer; the check was not counted", error)
            }
            IntakeError::OutcomeUnknown => Self::unavailable(
                "outcome unknown: the database went away during the check, which may count; ask how the session \
                 stands, or for another code",
                error,
            ),
            IntakeError::Refused(_) => Self::internal(error),
        }
    }
}

impl From<ResendError> for Problem {
    fn from(error: ResendError) -> Self {
        match error {
            ResendError::Ended(error) => error.into(),
            ResendError::CoolDown { wait, attempts_remaining } => {
                Self::new(&OTP_COOL_DOWN, "see Retry-After for when another code can be asked for")
                    .retry_after(wait)
                    .attempts_remaining(attempts_remaining)
            }
            ResendError::SendLimit { wait, attempts_remaining } => {
                Self::new(&OTP_SEND_LIMIT, "start another session once this one has ended")
                    .retry_after(wait)
                    .attempts_remaining(attempts_remaining)
            }
            ResendError::Limited { exceeded, attempts_remaining } => {
                Self::from(exceeded).attempts_remaining(attempts_remaining)
            }
            ResendError::Refused(refusal) => refusal.into(),
            ResendError::Store(error) => error.into(),
        }
    }
}
