//! Headers of CSV lists, and lists without one.

use super::*;

fn layout(list: &str) -> Layout {
    read(&swiss(), list).1.layout.expect("a header")
}

#[test]
fn the_header_tells_separator_number_and_variables() {
    for (header, separator) in [
        ("Name;Handy;Größe", ';'),
        ("Name,Handy,Größe", ','),
        ("Name\tHandy\tGröße", '\t'),
        ("sep=;\nName;Handy;Größe", ';'),
    ] {
        let found = layout(header);
        assert_eq!((found.separator, found.phone_column.as_deref()), (separator, Some("Handy")));
        assert_eq!(found.variables, ["name", "groesse"]);
    }
}

#[test]
fn names_may_be_quoted_and_span_lines() {
    let list = "\"Phone\nNumber\";\"Name; first\"\n+41790000001;Ann\n";
    assert_eq!(rows(list), ["3 +41790000001 name_first=Ann"]);
}

#[test]
fn a_quote_within_a_name_is_its_own() {
    let list = "phone,5\" screen\n+41790000001,yes\n";
    assert_eq!(rows(list), ["2 +41790000001 _5_screen=yes"]);
}

#[test]
fn separators_after_the_last_name_do_no_harm() {
    assert_eq!(rows("phone;name;;\n+41790000001;Ann;;\n"), ["2 +41790000001 name=Ann"]);
}

#[test]
fn numbers_alone_need_no_header() {
    let list = "+41790000001\n079 000 00 02\nnobody\n";
    assert_eq!(rows(list), ["1 +41790000001", "2 +41790000002", "3 forbidden_character"]);
    assert_eq!(layout(list), Layout { separator: ',', phone_column: None, variables: vec![] });
    assert_eq!(rows("9.1E+11;\n+41790000001;;\n"), ["1 spreadsheet_number", "2 +41790000001"]);
}

#[test]
fn the_column_of_numbers_can_be_named() {
    let options = Options { phone_column: Some("whats_app".into()), ..swiss() };
    let found = read(&options, "Phone,WhatsApp,Whats\n+41440000001,+41790000001,x").0;
    assert_eq!(found, ["2 +41790000001 phone=+41440000001 whats=x"]);
}

#[test]
fn a_list_without_numbers_is_refused_with_the_columns_it_has() {
    let error = refused(&swiss(), "Kunde;Ort\nAnn;Bern\n");
    assert_eq!(error, InvalidList::NoPhoneColumn(vec!["Kunde".into(), "Ort".into()]));
    assert!(error.to_string().contains(r#""Kunde", "Ort"; call one of them phone"#), "{error}");
    let options = Options { phone_column: Some("Natel".into()), ..swiss() };
    let error = refused(&options, "phone;Ort\n");
    assert!(error.to_string().contains(r#"no column "Natel""#), "{error}");
}

#[test]
fn what_a_header_leaves_open_is_refused() {
    let name = || "name".to_owned();
    for (list, error) in [
        ("phone,mobile,name", InvalidList::SeveralPhoneColumns(vec!["phone".into(), "mobile".into()])),
        (
            "phone,,name",
            InvalidList::UnnamedColumn { column: 2, found: vec!["phone".into(), String::new(), name()] },
        ),
        ("phone,имя", InvalidList::UnusableName("имя".into())),
        (
            "phone,First Name,first-name",
            InvalidList::DuplicateName {
                one: "First Name".into(),
                other: "first-name".into(),
                variable: "first_name".into(),
            },
        ),
        ("+41790000001,Ann\n+41790000002,Bo", InvalidList::NoHeader),
        ("phone,\"name\n+41790000001,Ann\n", InvalidList::HeaderQuote),
        ("phone,\"na\"me\"\n", InvalidList::HeaderQuote),
        ("", InvalidList::Empty),
        (" \n\n;\n", InvalidList::NoPhoneColumn(vec![])),
        ("PK\x03\x04", InvalidList::NotText),
        ("[\n{\"phone\": \"+41790000001\"}]", InvalidList::JsonArray),
    ] {
        assert_eq!(refused(&swiss(), list), error, "{list:?}");
    }
    let many: String = (0..51).map(|n| format!(",c{n}")).collect();
    assert_eq!(refused(&swiss(), format!("phone{many}")), InvalidList::TooManyColumns(51));
    assert_eq!(refused(&swiss(), "x".repeat(70_000)), InvalidList::HeaderTooLong);
}

#[test]
fn a_list_that_was_refused_stays_refused() {
    let mut reader = Reader::new(Options::default());
    let mut sink = |row: Row| panic!("{row:?}");
    let header = [&b"name;city\n"[..], &[b'x'; 64]].concat();
    let error = reader.feed(&header, &mut sink).expect_err("no column of numbers");
    assert_eq!(reader.feed(b"phone\n+41790000001\n", &mut sink), Err(error.clone()));
    assert_eq!(reader.finish(&mut sink), Err(error));
}

#[test]
fn a_header_alone_is_a_list_of_nobody() {
    assert_eq!(rows("phone;name"), [""; 0]);
}
