//! CSV that spreadsheets open without harm: RFC 4180, and no cell that they would take for a formula (OWASP, "CSV
//! Injection", 2026-11).

/// What a formula may begin with, also where a spreadsheet reads the wide forms.
const STARTS: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

/// Appends a row. A cell that could be a formula gets a `'` in front, which [`unguarded`] takes off again; a number with
/// its `+` is none.
pub fn append_row<'a>(out: &mut String, cells: impl IntoIterator<Item = &'a str>) {
    for (at, cell) in cells.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        append_cell(out, cell);
    }
    out.push_str("\r\n");
}

fn append_cell(out: &mut String, cell: &str) {
    let guard = if is_formula(cell) { "'" } else { "" };
    if cell.contains(['"', ',', ';', '\t', '\r', '\n']) {
        out.push('"');
        out.push_str(guard);
        out.push_str(&cell.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(guard);
        out.push_str(cell);
    }
}

/// Whether a spreadsheet might reckon with a cell.
fn is_formula(cell: &str) -> bool {
    let is_number = cell
        .strip_prefix('+')
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()));
    // Some drop the space before it.
    cell.trim_start_matches(' ').starts_with(STARTS) && !is_number
}

/// A cell as it was before [`append_row`] guarded it.
pub fn unguarded(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|cell| is_formula(cell)).unwrap_or(cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> String {
        let mut out = String::new();
        append_row(&mut out, cells.iter().copied());
        out
    }

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        assert_eq!(row(&["+41790000001", "", "a b"]), "+41790000001,,a b\r\n");
        assert_eq!(
            row(&["say \"no\"", "a,b", "a;b", "two\nlines"]),
            "\"say \"\"no\"\"\",\"a,b\",\"a;b\",\"two\nlines\"\r\n"
        );
    }

    #[test]
    fn no_cell_is_a_formula_and_all_come_back() {
        for cell in
            ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "+", "+1-1"]
        {
            let written = row(&[cell]);
            assert!(written.trim_start_matches('"').starts_with('\''), "{written}");
            assert_eq!(unguarded(&format!("'{cell}")), cell);
        }
        assert_eq!(unguarded("'quoted'"), "'quoted'");
    }
}
