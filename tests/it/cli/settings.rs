//! `keys` and `templates`.

use super::{Desk, lines};

#[tokio::test]
async fn a_key_is_printed_once_listed_without_it_and_revoked() {
    let desk = Desk::new().await;
    let key = desk.done(&["keys", "create", "shop", "--scopes", "send,otp"]).trim().to_owned();
    assert!(key.starts_with("sk_") && !key.contains(char::is_whitespace), "{key}");
    let other = desk.json(&["keys", "create", "till"]);
    let other = other[0]["key"].as_str().unwrap().to_owned();

    let listed = desk.done(&["keys", "list"]);
    assert!(listed.contains("shop") && listed.contains("send,otp"), "{listed}");
    let as_json = desk.json(&["keys", "list"]);
    assert_eq!(as_json.len(), 2);
    assert_eq!(as_json[0]["name"], "shop");
    for shown in [listed, format!("{as_json:?}")] {
        assert!(!shown.contains(&key) && !shown.contains(&other), "{shown}");
    }

    desk.done(&["keys", "revoke", "shop"]);
    let again = desk.say(&["keys", "revoke", "shop", "--json"]);
    assert_eq!(again.code, 1);
    assert!(lines(&again.err)[0]["error"].as_str().unwrap().contains("no live key"), "{}", again.err);
    let taken = desk.say(&["keys", "create", "till"]);
    assert_eq!(taken.code, 1);
    assert!(taken.err.contains("in use"), "{}", taken.err);
    assert_eq!(desk.say(&["keys", "create", "x", "--scopes", "fly"]).code, 2);
}

#[tokio::test]
async fn a_publishable_key_names_its_origins() {
    let desk = Desk::new().await;
    let origins = "https://Shop.example.com,http://localhost:5173";
    let key = desk.done(&["keys", "create", "web", "--origins", origins]).trim().to_owned();
    assert!(key.starts_with("pk_") && !key.contains(char::is_whitespace), "{key}");
    desk.done(&["keys", "create", "shop"]);
    let listed = desk.done(&["keys", "list"]);
    assert!(listed.contains("https://shop.example.com,http://localhost:5173"), "{listed}");
    assert!(listed.contains("publishable") && listed.contains("server"), "{listed}");
    let listed = desk.json(&["keys", "list"]);
    let (web, shop) = (&listed[0], &listed[1]);
    assert_eq!((&web["kind"], &web["scopes"]), (&"publishable".into(), &serde_json::json!(["otp"])));
    assert_eq!(web["origins"], serde_json::json!(["https://shop.example.com", "http://localhost:5173"]));
    assert_eq!((&shop["kind"], &shop["origins"]), (&"server".into(), &serde_json::Value::Null));
    for (wrong, told) in [
        (&["--origins", "*"][..], "https://app.example.com"),
        (&["--origins", "https://a.example/login"], "without a path"),
        (&["--origins", "https://a.example", "--scopes", "admin"], "cannot be used with"),
    ] {
        let said = desk.say(&[&["keys", "create", "x"], wrong].concat());
        assert_eq!(said.code, 2, "{wrong:?}: {}", said.err);
        assert!(said.err.contains(told), "{wrong:?}: {}", said.err);
    }
}

#[tokio::test]
async fn a_template_is_set_shown_and_deleted() {
    let desk = Desk::new().await;
    let body = "Dear {{ name }}, your table is ready at {{ time }}.";
    let theirs = ["--provider-template", "twilio=HX00000000000000000000000000000000:name,time"];
    desk.done(&[&["templates", "set", "booking", "--body", body][..], &theirs].concat());
    let hindi = ["templates", "set", "booking", "--locale", "hi", "--body-file", "-"];
    assert_eq!(desk.say_with_input(&hindi, "{{ name }}, {{ time }}\n").code, 0);

    let shown = desk.json(&["templates", "show", "booking"]);
    assert_eq!(shown.len(), 2);
    assert_eq!(
        (shown[0]["body"].as_str(), shown[1]["body"].as_str()),
        (Some(body), Some("{{ name }}, {{ time }}"))
    );
    assert_eq!(shown[0]["provider_templates"]["twilio"]["variables"][1], "time");
    assert!(desk.done(&["templates", "list"]).contains("booking@hi"));

    desk.done(&["templates", "delete", "booking", "--locale", "hi"]);
    assert_eq!(desk.json(&["templates", "list"]).len(), 1);
    desk.done(&["templates", "delete", "booking"]);
    for gone in [&["templates", "show", "booking"][..], &["templates", "delete", "booking"]] {
        let said = desk.say(gone);
        assert_eq!(said.code, 1);
        assert!(said.err.contains("templates list"), "{}", said.err);
    }
}

#[tokio::test]
async fn a_template_that_cannot_be_used_names_its_field_and_is_not_stored() {
    let desk = Desk::new().await;
    for (arguments, code, told) in [
        (&["set", "booking", "--body", "{{ name"][..], 1, "body:"),
        (&["set", "a b", "--body", "x"], 1, "name:"),
        (&["set", "otp", "--body", "no code"], 1, "{{ code }}"),
        (&["set", "booking", "--body", "x", "--locale", "!"], 1, "locale:"),
        (
            &["set", "booking", "--body", "x", "--provider-template", "twilio=HX1:who"],
            1,
            "provider_templates.twilio",
        ),
        (&["set", "booking", "--body", "x", "--provider-template", "twilio"], 2, "NAME=VALUE"),
        (&["set", "booking"], 2, "--body"),
        (&["set", "booking", "--body", "x", "--body-file", "y"], 2, "cannot be used with"),
    ] {
        let said = desk.say(&[&["templates"], arguments].concat());
        assert_eq!(said.code, code, "{arguments:?}: {}", said.err);
        assert!(said.err.contains(told), "{arguments:?}: {}", said.err);
    }
    assert_eq!(desk.done(&["templates", "list"]), "");
}
