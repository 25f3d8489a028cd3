//! Why a whole list cannot be read.

use crate::template::MAX_VARIABLES;

/// Most names told in one text.
const MAX_LISTED: usize = 20;
/// Longest name told.
const MAX_LISTED_CHARS: usize = 40;

/// What is wrong with a list as a whole. Nothing of it was given out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidList {
    /// Nothing but blank lines.
    #[error("the list is empty: write a header such as phone;name and a line for each recipient")]
    Empty,
    /// A workbook, an archive or a PDF.
    #[error("this is a workbook or an archive, not text: save it as \"CSV UTF-8\" and send that")]
    NotText,
    /// One JSON array instead of a line for each object.
    #[error("this is one JSON array: write each object in a line of its own (NDJSON), without brackets")]
    JsonArray,
    /// The first line is longer than any header.
    #[error("the first line is longer than 64 KiB: is this a list with a line for each recipient?")]
    HeaderTooLong,
    /// A quote of the header is not closed where a name ends.
    #[error("the header has a quote that is not closed where a name ends: close it, or leave quotes out")]
    HeaderQuote,
    /// The first line holds a number among other cells.
    #[error(
        "the first line has a phone number where column names should be: put a line such as phone;name \
         above it"
    )]
    NoHeader,
    /// No column is called as numbers are.
    #[error(
        "no column holds phone numbers: found {}; call one of them phone, or say which one it is",
        listed(.0)
    )]
    NoPhoneColumn(Vec<String>),
    /// The column that should hold the numbers is not there.
    #[error("there is no column {wanted:?} to take phone numbers from: found {}", listed(.found))]
    UnknownPhoneColumn {
        /// The column asked for.
        wanted: String,
        /// The columns there are.
        found: Vec<String>,
    },
    /// Several columns are called as numbers are.
    #[error(
        "several columns could hold the phone numbers: {}; say which one does, or rename the others",
        listed(.0)
    )]
    SeveralPhoneColumns(Vec<String>),
    /// A column among others has no name.
    #[error("column {column} has no name: found {}; name it, or remove it", listed(.found))]
    UnnamedColumn {
        /// Its place, from 1.
        column: usize,
        /// The columns there are.
        found: Vec<String>,
    },
    /// A column's name leaves nothing a template could call it by.
    #[error(
        "the column {0:?} cannot name a variable: rename it with Latin letters, digits and _ (at most 64)"
    )]
    UnusableName(String),
    /// Two columns become the same variable.
    #[error("the columns {one:?} and {other:?} both become the variable {variable}: rename one")]
    DuplicateName {
        /// The first of them.
        one: String,
        /// The second.
        other: String,
        /// The variable.
        variable: String,
    },
    /// More columns than a template has variables.
    #[error(
        "the list has {0} columns beside the phone number, at most {MAX_VARIABLES} are allowed: remove those \
         the text does not use"
    )]
    TooManyColumns(usize),
}

/// Names for people: quoted, not too long, not too many.
fn listed(names: &[String]) -> String {
    let short = |name: &String| format!("{:?}", name.chars().take(MAX_LISTED_CHARS).collect::<String>());
    let mut told: Vec<String> = names.iter().take(MAX_LISTED).map(short).collect();
    if names.len() > MAX_LISTED {
        told.push(format!("{} more", names.len() - MAX_LISTED));
    }
    told.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_found_are_named_within_bounds() {
        let error = InvalidList::NoPhoneColumn(vec!["Name".into(), "a\"b".into()]);
        assert!(error.to_string().contains(r#"found "Name", "a\"b"; call one of them phone"#), "{error}");
        let many = InvalidList::SeveralPhoneColumns(vec!["x".repeat(1000); 500]);
        assert!(many.to_string().contains("480 more") && many.to_string().len() < 1200, "{many}");
    }
}
