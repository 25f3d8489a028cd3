//! The rows of CSV lists.

use super::*;
use crate::template::MAX_VALUE_CHARS;

#[test]
fn a_row_is_a_number_and_what_is_known_of_its_person() {
    let list = "Phone;First Name;city\n+41790000001;Ann;Bern\n079 000 00 02; Bo ;\n";
    assert_eq!(rows(list), ["2 +41790000001 city=Bern first_name=Ann", "3 +41790000002 city= first_name=Bo"]);
}

#[test]
fn lines_are_counted_as_an_editor_does() {
    let list = "\r\nphone,note\r\n\r\n+41790000001,\"two\r\nlines\"\r\n,,\r\nx,\r\n+41790000002,last";
    assert_eq!(
        rows(list),
        ["4 +41790000001 note=two\nlines", "7 forbidden_character", "8 +41790000002 note=last"]
    );
    assert_eq!(read(&swiss(), list).1.lines, 8);
    assert_eq!(rows("phone\r+41790000001\r\r079000\r"), ["2 +41790000001", "4 phone_not_possible"]);
}

#[test]
fn cells_left_out_are_empty_and_cells_too_many_are_refused() {
    let list = "phone,name,city\n+41790000001\n+41790000002,Ann\n+41790000003,Ann,Bern,,\n+41790000004,Ann,Bern,CH\n";
    assert_eq!(
        rows(list),
        [
            "2 +41790000001 city= name=",
            "3 +41790000002 city= name=Ann",
            "4 +41790000003 city=Bern name=Ann",
            "5 too_many_cells",
        ]
    );
}

#[test]
fn every_row_that_cannot_be_used_has_its_reason() {
    let long = "x".repeat(MAX_VALUE_CHARS + 1);
    for (row, reason) in [
        ("9.1E+11,a", "spreadsheet_number"),
        ("\"9,19877E+11\",a", "spreadsheet_number"),
        ("#N/A,a", "spreadsheet_error"),
        (",a", "missing_phone"),
        ("n/a,a", "forbidden_character"),
        ("+999123456789,a", "unknown_country_code"),
        ("+4179,a", "phone_not_possible"),
        ("0790000001 0790000001 0790000001 0790000001,a", "phone_too_long"),
        ("+41790000001,a\0b", "control_character"),
        ("+41790000001,Z\u{fffd}rich", "lost_character"),
        ("+41790000001,#REF!", "spreadsheet_error"),
        (&format!("+41790000001,{long}"), "value_too_long"),
        ("+41790000001,\"a\"b", "unclosed_quote"),
    ] {
        assert_eq!(rows(format!("phone,name\n{row}\n")), [format!("2 {reason}")], "{row}");
    }
    assert_eq!(read(&Options::default(), "phone\n0790000001").0, ["2 missing_country_code"]);
}

#[test]
fn a_refusal_is_a_sentence_that_says_what_to_do_and_hides_the_number() {
    let mut reader = Reader::new(Options::default());
    let mut texts = Vec::new();
    let mut sink = |row: Row| match row {
        Row::Refused(refusal) => texts.push(refusal.to_string()),
        Row::Recipient { .. } => {}
    };
    let list = b"phone,name\n9.1E+11,Ann\n0790000001,Ann\n+41790000001,a,b\n";
    reader.feed(list, &mut sink).expect("a list");
    reader.finish(&mut sink).expect("a list");
    assert!(texts[0].starts_with("line 2: ") && texts[0].contains("format its column as text"), "{texts:?}");
    assert!(texts[1].contains("say which country") && !texts[1].contains("0790000001"), "{texts:?}");
    assert!(texts[2].contains("3 cells for 2 columns"), "{texts:?}");
}

#[test]
fn a_quote_left_open_costs_its_own_line_only() {
    let list = "phone,name\n+41790000001,\"Joe\n+41790000002,\"Ann\"\n+41790000003,Bo\n";
    assert_eq!(rows(list), ["2 unclosed_quote", "3 +41790000002 name=Ann", "4 +41790000003 name=Bo"]);
    let list = "name,phone\n\"Joe,+41790000001\n\nAnn,+41790000002\n";
    assert_eq!(rows(list), ["2 unclosed_quote", "4 +41790000002 name=Ann"]);
}

#[test]
fn a_row_of_several_lines_after_an_open_quote_is_read() {
    let list = "phone,name\n+41790000001,\"Joe\n+41790000002,\"two\nlines\"\n+41790000003,Bo\n";
    assert_eq!(rows(list), ["2 unclosed_quote", "3 +41790000002 name=two\nlines", "5 +41790000003 name=Bo"]);
}

#[test]
fn a_number_that_may_be_part_of_a_text_is_not_texted() {
    let list = "phone,name\n+41790000001,\"Joe: call\n+41790000009\n+41790000002,\"Ann\"\n";
    assert_eq!(rows(list), ["2 unclosed_quote", "3 line_in_doubt", "4 +41790000002 name=Ann"]);
}

#[test]
fn a_quote_left_open_in_a_long_list_is_noticed_within_64_kib() {
    let people: String = (0..9_000).map(|n| format!("+4179{:07},P{n}\n", 1_000_000 + n)).collect();
    let list = format!("phone,name\n+41790000001,\"Joe\n{people}");
    let mut found = Vec::new();
    let mut reader = Reader::new(swiss());
    reader.feed(list.as_bytes(), &mut |row| found.push(short(&row))).expect("a list");
    assert_eq!(
        (found.len(), found[0].as_str(), found[1].as_str()),
        (9_001, "2 unclosed_quote", "3 +41791000000 name=P0")
    );
    reader.feed(b"+41790000002,\"two\nlines\"\n", &mut |row| found.push(short(&row))).expect("a list");
    assert_eq!(found[9_001], "9003 +41790000002 name=two\nlines");
}

#[test]
fn a_line_too_long_is_refused_and_the_next_is_read() {
    let long = "x".repeat(lines::MAX_LINE_BYTES + 1);
    let list = format!("phone,name\n+41790000001,{long}\n+41790000002,\"open\n{long}\n+41790000003,Bo\n");
    assert_eq!(
        rows(list),
        ["2 line_too_long", "3 unclosed_quote", "4 line_too_long", "5 +41790000003 name=Bo"]
    );
}

#[test]
fn only_variables_worth_keeping_are_read() {
    let options = Options { variables: Some(vec!["name".into()]), ..swiss() };
    let list = format!("phone,,имя,name,note,note\n+41790000001,a,b,Ann,{},\0\n", "x".repeat(5_000));
    assert_eq!(read(&options, list).0, ["2 +41790000001 name=Ann"]);
}

#[test]
fn what_is_known_of_people_does_not_show_in_debug_output() {
    let mut shown = String::new();
    let mut reader = Reader::new(Options::default());
    reader
        .feed(b"phone,name\n+41790000001,Ann\n", &mut |row| shown.push_str(&format!("{row:?}")))
        .expect("a list");
    reader.finish(&mut |row| shown.push_str(&format!("{row:?}"))).expect("a list");
    assert!(shown.contains("+41*******01") && shown.contains("name") && !shown.contains("Ann"), "{shown}");
}
