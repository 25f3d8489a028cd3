//! Cells for people's spreadsheets: what is written as CSV (RFC 4180) must be read as text, never as a formula.

/// Writes a row, each cell quoted where it must be.
///
/// A cell that a spreadsheet would take for a formula gets an apostrophe in front, which spreadsheets and our own reader
/// of lists take off again (OWASP, CSV Injection). So a phone number keeps its `+`, and does not become a quantity.
pub fn push_row<'a>(out: &mut String, cells: impl IntoIterator<Item = &'a str>) {
    for (at, cell) in cells.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        push_cell(out, cell);
    }
    out.push_str("\r\n");
}

fn push_cell(out: &mut String, cell: &str) {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let is_quoted = cell.contains(['"', ',', ';', '\n', '\r', '\t']);
    if is_quoted {
        out.push('"');
    }
    if is_formula {
        out.push('\'');
    }
    for c in cell.chars() {
        if c == '"' {
            out.push('"');
        }
        out.push(c);
    }
    if is_quoted {
        out.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> String {
        let mut out = String::new();
        push_row(&mut out, cells.iter().copied());
        out
    }

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        assert_eq!(row(&["a", "", "b c"]), "a,,b c\r\n");
        assert_eq!(row(&["say \"hi\"", "a,b", "a;b", "x\ny"]), "\"say \"\"hi\"\"\",\"a,b\",\"a;b\",\"x\ny\"\r\n");
    }

    #[test]
    fn no_cell_is_a_formula() {
        for start in ["=", "+", "-", "@", "\t", "\r", "＝"] {
            let told = row(&[&format!("{start}cmd|' /C calc'!A0")]);
            let seen = told.trim_start_matches('"');
            assert!(seen.starts_with('\''), "{told:?}");
        }
        assert_eq!(row(&["+41790000001"]), "'+41790000001\r\n");
    }
}
