use super::*;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only read by serde")]
struct Outer {
    name: String,
    inner: Option<Vec<Inner>>,
    kind: Option<Kind>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    One,
    Two,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only read by serde")]
struct Inner {
    count: u8,
}

fn refused(text: &[u8]) -> (&'static str, String) {
    let problem = parse::<Outer>(text).expect_err("must be refused");
    (problem.code(), problem.errors()[0].field.clone())
}

#[test]
fn a_fault_names_the_field_with_its_path() {
    for (text, field) in [
        (r#"{}"#, "name"),
        (r#"{"name": 5}"#, "name"),
        (r#"{"name": "a", "nme": 1}"#, "nme"),
        (r#"{"name": "a", "name": "b"}"#, "name"),
        (r#"{"name": "a", "inner": [{"count": 1}, {"count": "x"}]}"#, "inner[1].count"),
        (r#"{"name": "a", "inner": [{"count": 300}]}"#, "inner[0].count"),
        (r#"{"name": "a", "inner": [{}]}"#, "inner[0].count"),
        (r#"{"name": "a", "inner": [{"count": 1, "x": 2}]}"#, "inner[0].x"),
        (r#"[]"#, "body"),
        (r#"["a", null]"#, "body"),
    ] {
        assert_eq!(refused(text.as_bytes()), ("invalid-request", field.to_owned()), "{text}");
    }
}

#[test]
fn a_fault_says_what_is_expected_and_not_what_came() {
    for (text, message) in [
        (r#"{"name": {"secret": 1}}"#, "must be a string"),
        (r#"{"name": "a", "inner": "secret"}"#, "must be a list"),
        (r#"{"name": "a", "inner": ["secret, expected nothing"]}"#, "must be an object"),
        (r#"{"name": "a", "inner": [{"count": "secret at line 5"}]}"#, "must be u8"),
        (r#"{"name": "a", "kind": "secret"}"#, "must be `one` or `two`"),
        (r#"{"name": "a", "kind": 5}"#, "must be a string"),
        (r#"{"name": "\ud800"}"#, "unexpected end of hex escape"),
    ] {
        let problem = parse::<Outer>(text.as_bytes()).expect_err("must be refused");
        let error = &problem.errors()[0];
        assert_eq!((problem.code(), error.message.as_str()), ("invalid-request", message), "{text}");
    }
    let long = format!(r#"{{"name": "a", "{}": 1}}"#, "x".repeat(10_000));
    assert_eq!(refused(long.as_bytes()).1, "x".repeat(MAX_SHOWN_CHARS));
}

#[test]
fn what_is_no_json_is_malformed() {
    for text in [
        &b""[..],
        b"{",
        b"{\"name\": \"a\"} x",
        b"{\"nme\": 1,}",
        b"{\"name\": \"\xff\"}",
        b"{\"name\": \"\0\"}",
        b"\xef\xbb\xbf{}",
    ] {
        assert_eq!(refused(text), ("malformed-json", "body".to_owned()), "{text:?}");
    }
}

#[test]
fn only_json_is_json() {
    for (kind, json) in [
        ("application/json", true),
        ("Application/JSON; charset=utf-8", true),
        ("application/problem+json", true),
        ("text/json", false),
        ("application/x-www-form-urlencoded", false),
    ] {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(kind))]);
        assert_eq!(is_json(&headers), json, "{kind}");
    }
}
