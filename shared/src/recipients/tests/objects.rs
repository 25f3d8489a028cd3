//! NDJSON lists.

use super::*;

#[test]
fn an_object_is_a_number_and_its_variables_inside_or_beside() {
    let list = r#"{"phone": "+41790000001", "variables": {"name": "Ann", "sum": 12.50}}

{"mobile": "079 000 00 02", "firstName": "Bo", "First Name": "Bob", "vip": true, "note": null}
{"to": 41790000003, "vars": {}}
"#;
    let found = rows(list.replace("41790000003", "\"+41790000003\""));
    assert_eq!(
        found,
        [
            "1 +41790000001 name=Ann sum=12.50",
            "3 +41790000002 firstName=Bo first_name=Bob note= vip:true",
            "4 +41790000003",
        ]
    );
    assert_eq!(read(&swiss(), list).1.layout, None);
}

#[test]
fn a_number_may_be_written_as_one_unless_it_became_a_quantity() {
    let india = Options { default_region: "IN".parse().ok(), ..Options::default() };
    let list = "{\"phone\": 919876543210}\n{\"phone\": 9.19876543210E+11}\n{\"phone\": 919876543210.0}\n";
    assert_eq!(read(&india, list).0, ["1 +919876543210", "2 spreadsheet_number", "3 spreadsheet_number"]);
}

#[test]
fn every_object_that_cannot_be_used_has_its_reason() {
    for (line, reason) in [
        ("{\"phone\": ", "invalid_json"),
        ("{\"phone\": \"+41790000001\"} {}", "invalid_json"),
        ("\"+41790000001\"", "invalid_json"),
        ("{}", "missing_phone"),
        ("{\"phone\": null}", "missing_phone"),
        ("{\"phone\": true}", "nested_value"),
        ("{\"phone\": [\"+41790000001\"]}", "nested_value"),
        ("{\"phone\": \"+4179\"}", "phone_not_possible"),
        ("{\"mobile\": \"+41790000001\", \"tel\": \"+41790000002\"}", "several_phones"),
        ("{\"phone\": \"+41790000001\", \"a\": {\"b\": 1}}", "nested_value"),
        ("{\"phone\": \"+41790000001\", \"variables\": {\"a\": [1]}}", "nested_value"),
        ("{\"phone\": \"+41790000001\", \"имя\": \"a\"}", "invalid_name"),
        ("{\"phone\": \"+41790000001\", \"a b\": \"a\", \"a_b\": \"a\"}", "duplicate_name"),
        ("{\"phone\": \"+41790000001\", \"a\": \"\\u0000\"}", "control_character"),
        ("{\"phone\": \"+41790000001\", \"a\": \"\\ud800\"}", "lost_character"),
    ] {
        let ndjson = Options { format: Format::Ndjson, ..swiss() };
        assert_eq!(read(&ndjson, line).0, [format!("1 {reason}")], "{line}");
    }
    let many: String = (0..51).map(|n| format!(", \"v{n}\": 1")).collect();
    assert_eq!(rows(format!("{{\"phone\": \"+41790000001\"{many}}}")), ["1 too_many_variables"]);
}

#[test]
fn a_nested_value_is_refused_by_name() {
    let reason = Reason::NestedValue("address".into());
    assert!(reason.to_string().starts_with("\"address\" must be a text or a number"));
}

#[test]
fn latin_1_is_read_with_a_warning() {
    let (found, summary) = read(&swiss(), b"{\"phone\": \"+41790000001\", \"name\": \"Zo\xeb\"}\n");
    assert_eq!(found, ["1 +41790000001 name=Zoë"]);
    assert_eq!(summary.warning, Some(Warning::Latin1 { line: 1 }));
}

#[test]
fn the_member_can_be_named_and_the_rest_left_out() {
    let options =
        Options { phone_column: Some("Natel".into()), variables: Some(vec!["name".into()]), ..swiss() };
    let list = r#"{"natel": "+41790000001", "phone": "x", "name": "Ann", "имя": {}, "tags": []}"#;
    assert_eq!(read(&options, list).0, ["1 +41790000001 name=Ann"]);
    assert_eq!(read(&options, r#"{"phone": "+41790000001"}"#).0, ["1 missing_phone"]);
}
