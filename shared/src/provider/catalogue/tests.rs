use super::environment::tests::env;
use super::sample::{ACCOUNT_SID, SERVICE_SID, VERIFY_SID, names};
use super::*;
use crate::seal::{Keyring, MasterKey};

fn keyring() -> Keyring {
    Keyring::new(&MasterKey::generate(), &[])
}

fn row(name: &str, kind: ProviderKind, settings: serde_json::Value) -> Integration {
    Integration {
        name: name.to_owned(),
        kind: kind.to_string(),
        priority: 100,
        enabled: true,
        lanes: vec!["otp".to_owned(), "promo".to_owned()],
        countries: None,
        max_per_second: None,
        max_in_flight: None,
        sender: None,
        settings,
        sealed_credentials: Vec::new(),
    }
}

fn a_twilio_row(name: &str, sealer: &Sealer) -> Integration {
    let credentials = Credentials::from([("account_sid", ACCOUNT_SID), ("auth_token", "token")]);
    let settings = serde_json::json!({ "messaging_service_sid": SERVICE_SID });
    Integration {
        sealed_credentials: credentials.seal(sealer, name),
        ..row(name, ProviderKind::Twilio, settings)
    }
}

#[test]
fn a_row_becomes_a_provider() {
    let keyring = keyring();
    let sealer = keyring.credentials();
    let row = Integration {
        priority: 7,
        countries: Some(vec!["in".to_owned(), "US".to_owned()]),
        max_per_second: Some(30),
        max_in_flight: Some(8),
        ..a_twilio_row("twilio-eu", sealer)
    };
    let catalogue = Catalogue::load(&[], &[row], sealer, Environment::Production);
    assert_eq!(catalogue.broken, []);
    let [provider] = &catalogue.providers[..] else { panic!("one provider") };
    assert!(matches!(provider.vendor, VendorConfig::Twilio(_)));
    assert_eq!((provider.name.as_str(), provider.priority), ("twilio-eu", 7));
    assert_eq!(provider.lanes, [Lane::Otp, Lane::Promo]);
    let countries: Vec<_> = provider.countries.iter().flatten().map(ToString::to_string).collect();
    assert_eq!(countries, ["IN", "US"]);
    assert_eq!((provider.max_per_second, provider.max_in_flight), (Some(30), Some(8)));
}

#[test]
fn a_row_hides_the_environments_provider_of_the_same_name() {
    let keyring = keyring();
    let sealer = keyring.credentials();
    let from_environment = env().providers().expect("valid");
    let row = Integration { priority: 1, enabled: false, ..a_twilio_row("twilio", sealer) };
    let catalogue = Catalogue::load(&from_environment, &[row], sealer, Environment::Production);
    let found: Vec<_> = catalogue.providers.iter().map(|p| (p.name.as_str(), p.enabled)).collect();
    assert_eq!(found, [("twilio", false), ("2factor", true)]);
}

#[test]
fn broken_rows_are_reported_and_the_others_serve() {
    let keyring = keyring();
    let sealer = keyring.credentials();
    let good = a_twilio_row("good", sealer);
    let moved = Integration { name: "moved".to_owned(), ..good.clone() };
    let lost_key = a_twilio_row("lost-key", self::keyring().credentials());
    let unknown = Integration { kind: "pigeon".to_owned(), ..a_twilio_row("unknown", sealer) };
    let misspelt =
        Integration { settings: serde_json::json!({ "base": 1 }), ..a_twilio_row("misspelt", sealer) };
    let rows = [moved, lost_key, good, unknown, misspelt];
    let catalogue = Catalogue::load(&[], &rows, sealer, Environment::Production);
    assert_eq!(names(&catalogue.providers), ["good"]);
    let problems: Vec<_> = catalogue.broken.iter().map(ToString::to_string).collect();
    for (problem, words) in problems.iter().zip([
        "moved is left out: the credentials cannot be opened: sealed data is damaged or belongs to another row",
        "SMSGW_MASTER_KEY_PREVIOUS",
        "unknown is left out: kind: is unknown: use twilio, 2factor, http or sandbox",
        "misspelt is left out: settings: unknown field `base`",
    ]) {
        assert!(problem.contains(words), "{problem:?} instead of {words:?}");
    }
}

#[test]
fn a_row_is_refused_by_the_field_that_is_wrong() {
    let credentials = Credentials::from([("api_key", "key")]);
    let good = Integration {
        sender: Some("GATEWY".to_owned()),
        ..row("in", ProviderKind::TwoFactor, serde_json::json!({}))
    };
    parse_integration(&good, &credentials).expect("valid");
    for (broken, field) in [
        (Integration { name: "In".to_owned(), ..good.clone() }, "name"),
        (Integration { name: "-in".to_owned(), ..good.clone() }, "name"),
        (Integration { name: "x".repeat(41), ..good.clone() }, "name"),
        (Integration { lanes: vec![], ..good.clone() }, "lanes"),
        (Integration { lanes: vec!["bulk".to_owned()], ..good.clone() }, "lanes"),
        (Integration { countries: Some(vec![]), ..good.clone() }, "countries"),
        (Integration { countries: Some(vec!["India".to_owned()]), ..good.clone() }, "countries"),
        (Integration { max_per_second: Some(0), ..good.clone() }, "max_per_second"),
        (Integration { max_in_flight: Some(-1), ..good.clone() }, "max_in_flight"),
        (Integration { sender: Some("+15005550006".to_owned()), ..good.clone() }, "sender"),
        (Integration { sender: Some("!".to_owned()), ..good.clone() }, "sender"),
        (Integration { settings: serde_json::json!({ "plain_text": "yes" }), ..good.clone() }, "settings"),
        (Integration { settings: serde_json::json!([]), ..good.clone() }, "settings"),
        (
            Integration { settings: serde_json::json!({ "base_url": "x" }), ..good.clone() },
            "settings.base_url",
        ),
        (Integration { settings: serde_json::json!({ "mode": "auto" }), ..good.clone() }, "settings.mode"),
    ] {
        let error = parse_integration(&broken, &credentials).expect_err(field);
        assert_eq!(error.field, field, "{error}");
    }
    for (broken, field) in [
        (Credentials::default(), "credentials.api_key"),
        (Credentials::from([("api_key", " ")]), "credentials.api_key"),
        (Credentials::from([("api_key", "key"), ("apikey", "key")]), "credentials"),
    ] {
        assert_eq!(parse_integration(&good, &broken).expect_err(field).field, field);
    }
}

#[tokio::test]
async fn a_row_says_who_makes_its_codes() {
    let keyring = keyring();
    let sealer = keyring.credentials();
    let makes_codes = |kind, settings, credentials: Credentials| {
        let row = Integration { sender: Some("GATEWY".to_owned()), ..row("in", kind, settings) };
        let settings = parse_integration(&row, &credentials)?;
        Ok::<_, InvalidSetting>(build(&settings, &super::sample::context(None)).expect("built").makes_codes())
    };
    let two_factor =
        |settings| makes_codes(ProviderKind::TwoFactor, settings, Credentials::from([("api_key", "key")]));
    assert_eq!(two_factor(serde_json::json!({})), Ok(false));
    assert_eq!(two_factor(serde_json::json!({ "mode": "template" })), Ok(false));
    assert_eq!(two_factor(serde_json::json!({ "mode": "autogen" })), Ok(true));
    let account = || {
        let row = a_twilio_row("in", sealer);
        row.credentials(sealer).expect("opens")
    };
    let twilio = |settings| makes_codes(ProviderKind::Twilio, settings, account());
    assert_eq!(twilio(serde_json::json!({ "verify_service_sid": VERIFY_SID })), Ok(false));
    assert_eq!(twilio(serde_json::json!({ "verify_service_sid": VERIFY_SID, "mode": "autogen" })), Ok(true));
    let missing = twilio(serde_json::json!({ "mode": "autogen" })).expect_err("no service");
    assert_eq!(missing.field, "settings.verify_service_sid");
}

#[test]
fn the_sandbox_serves_only_a_development_gateway_with_nothing_configured() {
    let keyring = keyring();
    let sealer = keyring.credentials();
    let load = |rows: &[Integration], env: &[ProviderSettings], environment| {
        let catalogue = Catalogue::load(env, rows, sealer, environment);
        names(&catalogue.providers).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(load(&[], &[], Environment::Development), ["sandbox"]);
    assert!(load(&[], &[], Environment::Production).is_empty());
    let from_environment = env().providers().expect("valid");
    assert_eq!(load(&[], &from_environment, Environment::Development), ["twilio", "2factor"]);
    let broken = Integration { kind: "pigeon".to_owned(), ..a_twilio_row("x", sealer) };
    assert!(load(&[broken], &[], Environment::Development).is_empty());
}

#[tokio::test]
async fn the_sandbox_is_not_built_in_production() {
    let settings = ProviderSettings::unlimited("sandbox", VendorConfig::Sandbox);
    let context = super::sample::context(None);
    assert!(build(&settings, &context).is_ok());
    let context = BuildContext { environment: Environment::Production, ..context };
    assert_eq!(build(&settings, &context).err(), Some(BuildError::SandboxInProduction));
}

#[test]
fn credentials_open_only_in_their_row_and_show_only_their_ends() {
    let keyring = keyring();
    let sealer = keyring.credentials();
    let credentials = Credentials::from([("account_sid", ACCOUNT_SID), ("auth_token", "short")]);
    let sealed = credentials.seal(sealer, "a");
    let opened = Credentials::open(sealer, "a", &sealed).expect("its own row");
    let masked: Vec<_> = opened.masked().into_iter().collect();
    let expected = [("account_sid", "…0001"), ("auth_token", "…")];
    assert_eq!(masked, expected.map(|(field, shown)| (field.to_owned(), shown.to_owned())));
    assert!(Credentials::open(sealer, "b", &sealed).is_err());
    assert!(!format!("{credentials:?}").contains("short"));
    assert!(!sealed.windows(5).any(|bytes| bytes == b"short"));
}

#[test]
fn new_credentials_replace_only_what_they_name_and_blanks_remove() {
    let stored = Credentials::from([("auth_token", "old"), ("account_sid", "kept"), ("api_key_sid", "gone")]);
    let changed = Credentials::from([("auth_token", "new"), ("api_key_sid", "")]).over(stored);
    let keyring = keyring();
    let sealed = changed.seal(keyring.credentials(), "x");
    let json = keyring
        .credentials()
        .open_text(&crate::seal::place("api_integrations", "x"), &sealed)
        .expect("opens");
    assert_eq!(secrecy::ExposeSecret::expose_secret(&json), r#"{"account_sid":"kept","auth_token":"new"}"#);
}

#[test]
fn a_view_shows_no_secret_and_says_why_there_is_none() {
    let keyring = keyring();
    let row = a_twilio_row("twilio", keyring.credentials());
    let view = serde_json::to_value(row.view(keyring.credentials())).expect("JSON");
    assert_eq!(view["credentials"]["account_sid"], "…0001");
    assert_eq!(view["problem"], serde_json::Value::Null);
    assert!(!view.to_string().contains("token\":\"token"));
    let blind = row.view(self::keyring().credentials());
    assert!(blind.credentials.is_empty());
    assert!(blind.problem.expect("a problem").contains("SMSGW_MASTER_KEY_PREVIOUS"));
}
