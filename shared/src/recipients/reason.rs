//! Why a row cannot be used: a word for programs, a sentence for people.

use crate::phone::InvalidPhoneNumber;
use crate::template::{MAX_VALUE_CHARS, MAX_VARIABLES};

/// Why a row was refused. Its text tells what to do about it, and never holds the number itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The number cannot be one.
    #[error(transparent)]
    Phone(InvalidPhoneNumber),
    /// A national number, and no country to read it in.
    #[error(
        "the phone number has no country code: write + and the country code first, or say which country the \
         list's numbers are from"
    )]
    MissingCountryCode,
    /// The number was turned into a quantity, and its digits are lost or moved.
    #[error(
        "a spreadsheet turned the phone number into a quantity (such as 9.1E+11): format its column as text, \
         enter the number anew and save again"
    )]
    SpreadsheetNumber,
    /// A formula failed, or a number was wider than its column.
    #[error("the {0} is a spreadsheet's error (such as #N/A): correct it, or empty the cell")]
    SpreadsheetError(String),
    /// More cells than columns.
    #[error(
        "the row has {cells} cells for {columns} columns: put quotes around a cell that holds the separator"
    )]
    TooManyCells {
        /// Cells up to the last that is not empty.
        cells: usize,
        /// Columns of the header.
        columns: usize,
    },
    /// A quote opens that is not closed, or not where a cell ends.
    #[error(
        "a quote opens in this line and is not closed where a cell ends: close it, or double it within a cell"
    )]
    UnclosedQuote,
    /// The line follows such a quote and lacks cells: it may be part of a text.
    #[error(
        "the line follows a quote that is not closed and has fewer cells than the header, so it may be part of \
         a text: close the quote above"
    )]
    LineInDoubt,
    /// The line is too long to be held.
    #[error("the line is longer than 64 KiB")]
    LineTooLong,
    /// The line is no JSON object.
    #[error(
        "the line is not a JSON object (see its character {column}): write {{\"phone\": \"…\"}} in one line"
    )]
    InvalidJson {
        /// Where reading stopped, from 1.
        column: usize,
    },
    /// An object without a number.
    #[error("the object has no phone number: call it phone")]
    MissingPhone,
    /// An object in which several members could be the number.
    #[error("{0:?} and {1:?} could both be the phone number: call it phone, and only it")]
    SeveralPhones(String, String),
    /// A list or an object where a text should be.
    #[error("{0:?} must be a text or a number: lists and objects have no place in a message")]
    NestedValue(String),
    /// A name no template can use.
    #[error("{0:?} cannot name a variable: write letters, digits and _ only")]
    InvalidName(String),
    /// Two names become the same variable.
    #[error("two members become the variable {0}: rename one")]
    DuplicateName(String),
    /// More variables than a template takes.
    #[error("the row has more than {MAX_VARIABLES} variables: leave out those the text does not use")]
    TooManyVariables,
    /// A character no phone shows, NUL among them.
    #[error("{name} has the control character U+{:04X}: remove it", u32::from(*character))]
    ControlCharacter {
        /// The variable.
        name: String,
        /// The character.
        character: char,
    },
    /// A character that was lost before, shown as U+FFFD.
    #[error("{0} has a character that was lost (\u{fffd}): save the list anew from where it came, as UTF-8")]
    LostCharacter(String),
    /// The value alone would fill several segments.
    #[error("{0} is longer than {MAX_VALUE_CHARS} characters")]
    ValueTooLong(String),
}

impl Reason {
    /// The stable word for it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Phone(InvalidPhoneNumber::Empty) | Self::MissingPhone => "missing_phone",
            Self::Phone(InvalidPhoneNumber::TooLong) => "phone_too_long",
            Self::Phone(InvalidPhoneNumber::ForbiddenCharacter(_)) => "forbidden_character",
            Self::Phone(InvalidPhoneNumber::MissingCountryCode) | Self::MissingCountryCode => {
                "missing_country_code"
            }
            Self::Phone(InvalidPhoneNumber::UnknownCountryCode) => "unknown_country_code",
            Self::Phone(InvalidPhoneNumber::NotPossible(_)) => "phone_not_possible",
            Self::SpreadsheetNumber => "spreadsheet_number",
            Self::SpreadsheetError(_) => "spreadsheet_error",
            Self::TooManyCells { .. } => "too_many_cells",
            Self::UnclosedQuote => "unclosed_quote",
            Self::LineInDoubt => "line_in_doubt",
            Self::LineTooLong => "line_too_long",
            Self::InvalidJson { .. } => "invalid_json",
            Self::SeveralPhones(..) => "several_phones",
            Self::NestedValue(_) => "nested_value",
            Self::InvalidName(_) => "invalid_name",
            Self::DuplicateName(_) => "duplicate_name",
            Self::TooManyVariables => "too_many_variables",
            Self::ControlCharacter { .. } => "control_character",
            Self::LostCharacter(_) => "lost_character",
            Self::ValueTooLong(_) => "value_too_long",
        }
    }
}

impl From<InvalidPhoneNumber> for Reason {
    fn from(error: InvalidPhoneNumber) -> Self {
        match error {
            // Its own text speaks of a setting of the gateway; a list has a country of its own.
            InvalidPhoneNumber::MissingCountryCode => Self::MissingCountryCode,
            error => Self::Phone(error),
        }
    }
}
