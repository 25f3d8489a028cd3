//! `providers`: set, listed, tried; and their secrets seen nowhere.

use mock_provider::Credentials;
use tests::process::{Said, said};

use super::{ADD_MAIN, Desk};

const TOKEN: &str = "a-token-that-nobody-may-see";

fn secrets(token: &str) -> String {
    format!("# main account\naccount_sid = {}\nauth_token = {token}\n", Credentials::ACCOUNT_SID)
}

fn add<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&ADD_MAIN[..], more].concat()
}

fn keeps_quiet(said: &Said) {
    assert!(!said.out.contains(TOKEN) && !said.err.contains(TOKEN), "{said:?}");
}

#[tokio::test]
async fn a_provider_is_set_from_standard_input_and_listed_without_its_secrets() {
    let desk = Desk::new().await;
    let said = desk.say_with_input(&add(&["--lanes", "otp,promo", "--countries", "CH"]), &secrets(TOKEN));
    assert_eq!(said.code, 0, "{}", said.err);
    keeps_quiet(&said);

    let listed = desk.say(&["providers", "list"]);
    keeps_quiet(&listed);
    assert!(listed.out.contains("main") && listed.out.contains("in use"), "{}", listed.out);
    let listed = desk.json(&["providers", "list"]);
    assert_eq!(
        (listed[0]["kind"].as_str(), listed[0]["countries"][0].as_str()),
        (Some("twilio"), Some("CH"))
    );
    assert!(!listed[0].to_string().contains(TOKEN));

    let again = desk.say_with_input(&add(&[]), &secrets(TOKEN));
    assert_eq!(again.code, 2);
    assert!(again.err.contains("--replace"), "{}", again.err);
    // What is not given stays.
    let changed = desk.say_with_input(&add(&["--replace", "--disabled"]), "");
    assert_eq!(changed.code, 0, "{}", changed.err);
    assert_eq!(desk.json(&["providers", "list"])[0]["state"], "disabled");
}

#[tokio::test]
async fn secrets_come_from_the_environment_too() {
    let desk = Desk::new().await;
    let json = format!(r#"{{"api_key": "{TOKEN}"}}"#);
    let settings = desk.with("SMSGW_CREDENTIALS", &json);
    let india = [
        "providers",
        "add",
        "india",
        "--kind",
        "2factor",
        "--sender",
        "GATEWY",
        "--setting",
        "plain_text:=true",
    ];
    let said = said(&settings, &[&india[..], &["--json"]].concat(), "");
    assert_eq!(said.code, 0, "{}", said.err);
    keeps_quiet(&said);
}

#[tokio::test]
async fn a_provider_that_cannot_be_used_names_its_field_and_is_not_stored() {
    let desk = Desk::new().await;
    for (arguments, input, code, told) in [
        (add(&[]), String::new(), 1, "credentials.account_sid"),
        (add(&["--lanes", "bulk"]), secrets(TOKEN), 2, "unknown lane"),
        (add(&["--max-per-second", "0"]), secrets(TOKEN), 1, "max_per_second"),
        (add(&["--countries", "India"]), secrets(TOKEN), 1, "countries"),
        (add(&["--setting", "base=1"]), secrets(TOKEN), 1, "settings"),
        (add(&["--setting", "base"]), secrets(TOKEN), 2, "NAME=VALUE"),
        (add(&["--setting", "base:=no"]), secrets(TOKEN), 2, "no JSON"),
        (add(&[]), format!("{TOKEN}\n"), 2, "not name=value"),
        (add(&[]), format!("{{\"auth_token\": \"{TOKEN}\""), 2, "not a JSON object"),
        (vec!["providers", "add", "x", "--kind", "pigeon"], String::new(), 1, "kind"),
    ] {
        let said = desk.say_with_input(&arguments, &input);
        assert_eq!(said.code, code, "{arguments:?}: {}", said.err);
        assert!(said.err.contains(told), "{arguments:?}: {}", said.err);
        keeps_quiet(&said);
    }
    assert_eq!(desk.json(&["providers", "list"]).len(), 0);
}

#[tokio::test]
async fn a_test_goes_through_exactly_one_provider_and_only_after_a_yes() {
    let desk = Desk::new().await;
    let base = format!("base_url={}", desk.app.mock.url());
    let set = desk.say_with_input(&add(&["--setting", &base]), &secrets(Credentials::AUTH_TOKEN));
    assert_eq!(set.code, 0, "{}", set.err);

    let test = ["providers", "test", "main", "--to", "+41790000001"];
    let asked = desk.say(&test);
    assert_eq!(asked.code, 2);
    assert!(asked.err.contains("real SMS") && asked.err.contains("--yes"), "{}", asked.err);
    assert_eq!(desk.app.mock.arrival_total(), 0);

    let sent = desk.json(&[&test[..], &["--yes"]].concat());
    assert_eq!((sent[0]["outcome"].as_str(), desk.app.mock.arrival_total()), (Some("accepted"), 1));
    assert!(sent[0]["provider_message_id"].as_str().unwrap().starts_with("SM"), "{}", sent[0]);

    desk.say_with_input(&add(&["--setting", &base, "--replace"]), "auth_token=wrong-token");
    let refused = desk.say(&[&test[..], &["--yes"]].concat());
    assert_eq!(refused.code, 1);
    assert!(refused.out.contains("not_sent by main"), "{refused:?}");
    let unknown = desk.say(&["providers", "test", "none", "--to", "+41790000001"]);
    assert!(unknown.code == 1 && unknown.err.contains("main"), "{unknown:?}");
    assert_eq!(desk.say(&["providers", "test", "main", "--to", "0790000001"]).code, 2);
    assert_eq!(desk.app.mock.arrival_total(), 1);
}

#[tokio::test]
async fn the_sandbox_is_tried_without_a_yes() {
    let desk = Desk::new().await;
    let settings = desk.with("SMSGW_ENV", "development");
    let tried = said(&settings, &["providers", "test", "sandbox", "--to", "+41790000001"], "");
    assert_eq!(tried.code, 0, "{}", tried.err);
    assert!(tried.out.contains("accepted by sandbox"), "{}", tried.out);
}
