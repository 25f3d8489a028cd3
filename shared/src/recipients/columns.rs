//! What each column of a CSV list holds, as its header says.

use serde_json::{Map, Value};

use super::charset::Cells;
use super::{InvalidList, Options, Reason, Recipient, cell, name};
use crate::phone::Region;
use crate::template::MAX_VARIABLES;

/// Longest name of a column kept for people to read, in characters.
const MAX_HEADER_CHARS: usize = 80;

/// What the header of a CSV list says, for people to check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// What stands between cells: `,`, `;` or a tab.
    pub separator: char,
    /// The column of numbers, as the header calls it; `None` if there is no header.
    pub phone_column: Option<String>,
    /// The variables, in the order of their columns.
    pub variables: Vec<String>,
}

/// Where things stand in a row.
pub(super) struct Columns {
    count: usize,
    phone: usize,
    phone_header: Option<String>,
    variables: Vec<(usize, String)>,
}

impl Columns {
    /// A list of numbers alone, without header.
    pub(super) const fn numbers_alone() -> Self {
        Self { count: 1, phone: 0, phone_header: None, variables: Vec::new() }
    }

    /// Reads a header; `None` if it is the first row of a list that has numbers alone.
    pub(super) fn read(cells: &Cells<'_>, options: &Options) -> Result<Option<Self>, InvalidList> {
        // Spreadsheets write separators for columns that were used once and emptied.
        let headers: Vec<&str> = (0..cells.used()).map(|index| cells.get(index)).collect();
        if let [alone] = headers[..]
            && cell::looks_like_number(alone)
        {
            return Ok(None);
        }
        let phone = find_phone(&headers, options)?;
        let variables = variables(&headers, phone, options)?;
        let phone_header = headers.get(phone).map(|header| short(header));
        Ok(Some(Self { count: headers.len(), phone, phone_header, variables }))
    }

    /// How many there are.
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// What they are, for people.
    pub(super) fn layout(&self, separator: u8) -> Layout {
        Layout {
            separator: char::from(separator),
            phone_column: self.phone_header.clone(),
            variables: self.variables.iter().map(|(_, name)| name.clone()).collect(),
        }
    }

    /// Reads a row.
    pub(super) fn recipient(
        &self,
        cells: &Cells<'_>,
        default_region: Option<Region>,
    ) -> Result<Recipient, Reason> {
        if cells.count() > self.count && cells.used() > self.count {
            return Err(Reason::TooManyCells { cells: cells.used(), columns: self.count });
        }
        let phone = cell::phone(cells.get(self.phone), default_region)?;
        let mut variables = Map::new();
        for (index, name) in &self.variables {
            let text = cells.get(*index);
            cell::check_value(name, text)?;
            variables.insert(name.clone(), Value::from(text));
        }
        Ok(Recipient { phone, variables })
    }
}

/// The one column that holds the numbers.
fn find_phone(headers: &[&str], options: &Options) -> Result<usize, InvalidList> {
    let is_phone = |header: &str| match &options.phone_column {
        Some(wanted) => name::same(header, wanted),
        None => name::is_phone(header),
    };
    let candidates: Vec<usize> = (0..headers.len()).filter(|&index| is_phone(headers[index])).collect();
    match (&candidates[..], &options.phone_column) {
        (&[only], _) => Ok(only),
        ([], _) if headers.iter().any(|header| cell::looks_like_number(header)) => Err(InvalidList::NoHeader),
        ([], None) => Err(InvalidList::NoPhoneColumn(found(headers))),
        ([], Some(wanted)) => {
            Err(InvalidList::UnknownPhoneColumn { wanted: short(wanted), found: found(headers) })
        }
        (several, _) => Err(InvalidList::SeveralPhoneColumns(
            several.iter().map(|&index| short(headers[index])).collect(),
        )),
    }
}

/// The columns that are kept, with the variables they become. What is wrong with others does no harm if
/// the variables worth keeping are known.
fn variables(headers: &[&str], phone: usize, options: &Options) -> Result<Vec<(usize, String)>, InvalidList> {
    let mut variables: Vec<(usize, String)> = Vec::new();
    for (index, header) in headers.iter().enumerate().filter(|&(index, _)| index != phone) {
        let Some(variable) = name::variable(header) else {
            match (options.variables.is_some(), header.is_empty()) {
                (true, _) => continue,
                (false, true) => {
                    return Err(InvalidList::UnnamedColumn { column: index + 1, found: found(headers) });
                }
                (false, false) => return Err(InvalidList::UnusableName(short(header))),
            }
        };
        if !options.wants(&variable) {
            continue;
        }
        if let Some((other, _)) = variables.iter().find(|(_, name)| *name == variable) {
            let one = short(headers[*other]);
            return Err(InvalidList::DuplicateName { one, other: short(header), variable });
        }
        variables.push((index, variable));
        if variables.len() > MAX_VARIABLES {
            return Err(InvalidList::TooManyColumns(headers.len() - 1));
        }
    }
    Ok(variables)
}

fn found(headers: &[&str]) -> Vec<String> {
    headers.iter().map(|header| short(header)).collect()
}

fn short(header: &str) -> String {
    header.trim().chars().take(MAX_HEADER_CHARS).collect()
}
