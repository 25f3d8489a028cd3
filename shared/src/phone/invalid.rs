//! Why a text is not a phone number, and what its writer can do.

use rlibphonenumber::{ParseError, ValidationError};

use super::dialled::MAX_INPUT_BYTES;

/// Why a text is not a phone number that can be texted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPhoneNumber {
    /// No digit in it.
    #[error("the phone number is empty")]
    Empty,
    /// Too long to be one number, however it is spelt.
    #[error("the phone number is longer than {MAX_INPUT_BYTES} bytes")]
    TooLong,
    /// A letter, a control character or a sign that no spelling uses.
    #[error("the phone number contains {0:?}: write digits, spaces and + - . ( ) / only")]
    ForbiddenCharacter(char),
    /// A national number, and no country to read it in.
    #[error(
        "the phone number has no country code: write + and the country code first, or set \
         SMSGW_DEFAULT_REGION"
    )]
    MissingCountryCode,
    /// No country has the code after the `+`.
    #[error("the phone number starts with a country code that does not exist")]
    UnknownCountryCode,
    /// No number of that country is this long.
    #[error("the phone number is not possible: {0} for its country")]
    NotPossible(&'static str),
}

pub(super) const TOO_SHORT: InvalidPhoneNumber = InvalidPhoneNumber::NotPossible("too few digits");
pub(super) const TOO_MANY: InvalidPhoneNumber = InvalidPhoneNumber::NotPossible("too many digits");
pub(super) const WRONG_LENGTH: InvalidPhoneNumber =
    InvalidPhoneNumber::NotPossible("a number of digits nobody has");
pub(super) const NO_AREA_CODE: InvalidPhoneNumber =
    InvalidPhoneNumber::NotPossible("without area code, too few digits");

impl From<ParseError> for InvalidPhoneNumber {
    fn from(error: ParseError) -> Self {
        match error {
            ParseError::InvalidCountryCode => Self::UnknownCountryCode,
            ParseError::NotANumber(_) | ParseError::TooShortAfterIdd | ParseError::TooShortNsn => TOO_SHORT,
            ParseError::TooLongNsn => TOO_MANY,
        }
    }
}

impl From<ValidationError> for InvalidPhoneNumber {
    fn from(error: ValidationError) -> Self {
        match error {
            ValidationError::InvalidCountryCode => Self::UnknownCountryCode,
            ValidationError::TooShort => TOO_SHORT,
            ValidationError::TooLong => TOO_MANY,
            ValidationError::InvalidLength => WRONG_LENGTH,
        }
    }
}
