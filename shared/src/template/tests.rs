//! What templates promise.

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn compiled(body: &str) -> Template {
    Template::compile(TemplateName::parse("t").expect("a name"), body).expect(body)
}

fn refused(body: &str) -> InvalidTemplate {
    Template::compile(TemplateName::parse("t").expect("a name"), body).expect_err(body)
}

fn vars(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(vars) => vars,
        other => panic!("{other} is no object"),
    }
}

#[test]
fn values_are_filled_in_as_they_are() {
    let template = compiled("{{ name }} owes {{ sum }} <b>&amp; {{ really }}");
    let text = template.render(&vars(json!({"name": "O'Neil <x>", "sum": 12.5, "really": true})));
    assert_eq!(text.as_deref(), Ok("O'Neil <x> owes 12.5 <b>&amp; true"));
}

#[test]
fn a_branch_is_taken_by_its_value() {
    let template = compiled(
        "{% if name %}Hi {{ name|title }}{% else %}Hi {{ name|default('friend', true) }}{% endif %}!",
    );
    assert_eq!(template.render(&vars(json!({"name": "ann"}))).as_deref(), Ok("Hi Ann!"));
    assert_eq!(template.render(&vars(json!({"name": ""}))).as_deref(), Ok("Hi friend!"));
}

#[test]
fn a_name_ending_in_html_does_not_escape() {
    let name = TemplateName::parse("mail.html").expect("a name");
    let template = Template::compile(name, "{{ a }}").expect("valid");
    assert_eq!(template.render(&vars(json!({"a": "<&>"}))).as_deref(), Ok("<&>"));
}

#[test]
fn variables_are_listed_once_in_order() {
    let template = compiled("{{ b }}{{ a }}{% if c == 'x' %}{{ b|upper }}{{ d ~ a }}{% endif %}");
    assert_eq!(template.variables(), ["a", "b", "c", "d"]);
}

#[test]
fn missing_and_unknown_variables_are_named() {
    let template = compiled("{{ code }} {% if extra %}{{ name }}{% endif %}");
    let all = json!({"code": 1, "extra": false, "name": "x"});
    assert_eq!(template.render(&vars(all)).as_deref(), Ok("1 "));
    let error = template.render(&vars(json!({"code": 1, "extra": false}))).expect_err("name is missing");
    assert_eq!(error, RenderError::Missing("name".to_owned()));
    assert_eq!(error.variable(), Some("name"));
    let misspelt = json!({"code": 1, "extra": false, "name": "x", "nmae": "x"});
    assert_eq!(template.render(&vars(misspelt)), Err(RenderError::Unknown("nmae".to_owned())));
}

#[test]
fn only_short_scalars_are_values() {
    let template = compiled("{{ a }}");
    for value in [json!(null), json!([1]), json!({"b": 1})] {
        assert_eq!(template.render(&vars(json!({"a": value}))), Err(RenderError::NotScalar("a".to_owned())));
    }
    assert!(template.render(&vars(json!({"a": "я".repeat(500)}))).is_ok());
    let long = vars(json!({"a": "я".repeat(501)}));
    assert_eq!(template.render(&long), Err(RenderError::ValueTooLong("a".to_owned())));
    let many: Map<String, Value> = (0..51).map(|n| (format!("v{n}"), json!(n))).collect();
    assert_eq!(template.render(&many), Err(RenderError::TooManyVariables(51)));
}

#[test]
fn a_text_beyond_any_message_is_refused() {
    let template = compiled(&"{{ a }}".repeat(9));
    assert_eq!(template.render(&vars(json!({"a": "x".repeat(500)}))), Err(RenderError::TextTooLong));
}

#[test]
fn faults_are_found_when_a_template_is_stored() {
    for (body, line, hint) in [
        ("", 1, "empty"),
        (" \n ", 1, "empty"),
        ("a\n{{ name", 2, ""),
        ("a\n\n{% if x %}", 3, ""),
        ("{{ a b }}", 1, ""),
        ("ok\n{{ name|uper }}", 2, "uper"),
        ("{% if name is defined %}x{% endif %}", 1, "defined"),
        ("{{ now() }}", 1, ""),
        ("{{ user.name }}", 1, "user.name"),
        ("{{ name.upper() }}", 1, "upper"),
        ("{% for c in name %}{% endfor %}", 1, "for"),
    ] {
        let error = refused(body);
        assert!(error.line == line && error.reason.contains(hint), "{body:?}: {error}");
    }
    assert!(refused(&"x".repeat(4097)).reason.contains("4096"));
    let many: String = (0..51).map(|n| format!("{{{{ v{n} }}}}")).collect();
    assert!(refused(&many).reason.contains("50"));
}

#[test]
fn control_characters_are_found_with_their_line() {
    for (body, line) in [("a\0", 1), ("a\nb\u{1b}c", 2), ("a\r\n\tb\n\u{9b}", 3)] {
        assert_eq!(refused(body).line, line, "{body:?}");
    }
    compiled("a\r\n\tb");
}

#[test]
fn values_that_do_not_suit_are_the_renderings_fault() {
    let template = compiled("{{ price + 1 }}");
    assert_eq!(template.render(&vars(json!({"price": 2}))).as_deref(), Ok("3"));
    let error = template.render(&vars(json!({"price": "two"}))).expect_err("a word has no sum");
    assert!(matches!(&error, RenderError::Failed { line: 1, .. }), "{error}");
    assert_eq!(error.variable(), None);
}

#[test]
fn the_longest_template_renders_within_its_fuel() {
    let body = "{{a}}".repeat(819);
    assert_eq!(compiled(&body).render(&vars(json!({"a": "x"}))).map(|text| text.len()), Ok(819));
    let longest = format!("{{{{a{}}}}}", "~a".repeat(99)).repeat(20);
    assert_eq!(compiled(&longest).render(&vars(json!({"a": "x"}))).map(|text| text.len()), Ok(2000));
}

#[test]
fn deep_nesting_is_refused_or_works_but_never_overflows_the_stack() {
    for n in [20, 40, 90, 180, 2000] {
        for body in [
            format!("{{{{ {}a{} }}}}", "(".repeat(n), ")".repeat(n)),
            format!("{{{{ {}a }}}}", "-".repeat(n)),
            format!("{{{{ {}a }}}}", "not ".repeat(n)),
            format!("{{{{ a{} }}}}", "~a".repeat(n)),
            format!("{{{{ a{} }}}}", "<a".repeat(n)),
            format!("{{{{ a{} }}}}", "()".repeat(n)),
            format!("{{{{ a{} }}}}", "|trim".repeat(n)),
            format!("{{{{ a{} }}}}", " and a".repeat(n)),
            format!("{{{{ a{} }}}}", " if a else a".repeat(n)),
            format!("{}x{}", "{%if a%}".repeat(n), "{%endif%}".repeat(n)),
            format!("{{%if a%}}{}x{{%endif%}}", "{%elif a%}".repeat(n)),
        ] {
            if let Ok(template) = Template::compile(TemplateName::parse("t").expect("a name"), &body) {
                let _ = template.render(&vars(json!({"a": "x"})));
                assert!(n < 200, "{body}");
            }
        }
    }
}

#[test]
fn a_provider_mapping_is_read_from_json() {
    let read: ProviderTemplate =
        serde_json::from_value(json!({"id": "SMSTemplate1", "variables": ["name"]})).expect("valid");
    assert_eq!(read, ProviderTemplate { id: "SMSTemplate1".to_owned(), variables: vec!["name".to_owned()] });
}

proptest! {
    #[test]
    fn compiling_and_rendering_never_panic_and_stay_bounded(
        body in "([a-z ]|\\{\\{ ?|\\}\\}|\\{% ?|%\\}|if |endif|else|a|b|\\||'|\"|~|\\+|\\(|\\)|upper|\n){0,60}",
        a in "\\PC{0,40}",
    ) {
        if let Ok(template) = Template::compile(TemplateName::parse("t").expect("a name"), &body) {
            let named = template.variables().iter();
            let vars = named.map(|name| (name.clone(), Value::from(a.as_str()))).collect();
            if let Ok(text) = template.render(&vars) {
                prop_assert!(text.len() <= MAX_TEXT_BYTES);
            }
        }
    }

    #[test]
    fn a_value_is_never_read_as_a_template(value in "\\PC{0,100}") {
        let braces = format!("{value}{{{{ x }}}}{{% if %}}");
        let text = compiled("<{{ a }}>").render(&vars(json!({"a": braces.as_str()})));
        prop_assert_eq!(text, Ok(format!("<{braces}>")));
    }
}
