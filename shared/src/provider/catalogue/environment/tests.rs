use clap::Parser;
use secrecy::SecretString;

use super::*;
use crate::lane::Lane;
use crate::provider::catalogue::build;
use crate::provider::catalogue::sample::{ACCOUNT_SID, KEY_SID, VERIFY_SID, context, names};

/// Both accounts, with all they need.
pub(in crate::provider::catalogue) fn env() -> ProviderEnv {
    ProviderEnv {
        twilio_account_sid: Some(ACCOUNT_SID.to_owned()),
        twilio_auth_token: Some("token".into()),
        twilio_phone_number: Some("+1 500 555 0006".to_owned()),
        two_factor_api_key: Some("key".into()),
        sms_sender_id: Some("GATEWY".to_owned()),
        sms_template: Some("Login".to_owned()),
        ..ProviderEnv::default()
    }
}

fn problem(env: &ProviderEnv) -> String {
    env.providers().expect_err("not valid").to_string()
}

#[test]
fn the_environment_gives_twilio_then_two_factor() {
    let providers = env().providers().expect("valid");
    assert_eq!(names(&providers), ["twilio", "2factor"]);
    let senders: Vec<_> = providers.iter().map(|p| p.sender.as_ref().map(SenderId::as_str)).collect();
    assert_eq!(senders, [Some("+15005550006"), Some("GATEWY")]);
    assert!(providers.iter().all(|p| p.enabled && p.lanes == Lane::ALL));
}

#[test]
fn an_empty_environment_gives_no_provider() {
    let blank = || Some(String::new());
    let env = ProviderEnv {
        twilio_account_sid: blank(),
        twilio_auth_token: Some(SecretString::default()),
        twilio_auth_token_file: blank(),
        twilio_phone_number: blank(),
        two_factor_api_key: Some(" ".into()),
        provider_order: vec![String::new()],
        ..ProviderEnv::default()
    };
    assert!(env.providers().expect("nothing is set").is_empty());
}

#[test]
fn the_order_can_be_turned_round_and_unnamed_providers_come_last() {
    for (order, expected) in [
        (vec!["2factor", "twilio"], ["2factor", "twilio"]),
        (vec!["2factor"], ["2factor", "twilio"]),
        (vec![" twilio"], ["twilio", "2factor"]),
    ] {
        let order = order.into_iter().map(str::to_owned).collect();
        let providers = ProviderEnv { provider_order: order, ..env() }.providers().expect("valid");
        assert_eq!(names(&providers), expected);
    }
}

#[test]
fn a_start_up_error_names_the_variable() {
    let order = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let missing_token = ProviderEnv { twilio_auth_token: None, ..env() };
    for (broken, variable) in [
        (missing_token.clone(), "TWILIO_AUTH_TOKEN: is missing"),
        (ProviderEnv { twilio_account_sid: None, ..env() }, "TWILIO_ACCOUNT_SID: is missing"),
        (
            ProviderEnv { twilio_account_sid: Some("AC1".to_owned()), ..env() },
            "TWILIO_ACCOUNT_SID: is not AC followed",
        ),
        (ProviderEnv { twilio_phone_number: None, ..env() }, "TWILIO_PHONE_NUMBER: is missing"),
        (
            ProviderEnv { twilio_phone_number: Some("12".to_owned()), ..env() },
            "TWILIO_PHONE_NUMBER: not a sender",
        ),
        (
            ProviderEnv { twilio_messaging_service_sid: Some("x".to_owned()), ..env() },
            "TWILIO_MESSAGING_SERVICE_SID: is not MG",
        ),
        (
            ProviderEnv { twilio_base_url: Some("localhost".to_owned()), ..env() },
            "TWILIO_BASE_URL: is not a URL",
        ),
        (
            ProviderEnv { twilio_api_key_sid: Some(KEY_SID.to_owned()), ..missing_token.clone() },
            "TWILIO_API_KEY_SECRET: is missing",
        ),
        (
            ProviderEnv { twilio_api_key_secret: Some("x".into()), ..missing_token },
            "TWILIO_API_KEY_SID: is missing",
        ),
        (
            ProviderEnv {
                twilio_auth_token: None,
                twilio_auth_token_file: Some("/no/such/file".to_owned()),
                ..env()
            },
            "TWILIO_AUTH_TOKEN: cannot read /no/such/file",
        ),
        (
            ProviderEnv { sms_sender_id: Some("TOOLONG".to_owned()), ..env() },
            "SMS_SENDER_ID: is not six letters",
        ),
        (
            ProviderEnv { sms_sender_id: None, two_factor_plain_text: true, ..env() },
            "SMS_SENDER_ID: is missing",
        ),
        (
            ProviderEnv { two_factor_base_url: Some("x".to_owned()), ..env() },
            "TWO_FACTOR_BASE_URL: is not a URL",
        ),
        (
            ProviderEnv { twilio_verify_service_sid: Some("VA1".to_owned()), ..env() },
            "TWILIO_VERIFY_SERVICE_SID: is not VA",
        ),
        (ProviderEnv { sms_mode: Some("auto".to_owned()), ..env() }, "SMS_MODE: is unknown"),
        (
            ProviderEnv { sms_mode: Some("autogen".to_owned()), two_factor_api_key: None, ..env() },
            "SMS_MODE: is autogen, but no provider here makes codes",
        ),
        (
            ProviderEnv { provider_order: order(&["twillio"]), ..env() },
            "SMSGW_PROVIDER_ORDER: names \"twillio\"",
        ),
        (
            ProviderEnv { provider_order: order(&["twilio", "twilio"]), ..env() },
            "SMSGW_PROVIDER_ORDER: names twilio twice",
        ),
    ] {
        let said = problem(&broken);
        assert!(said.starts_with(variable), "{said:?} instead of {variable:?}");
    }
}

#[tokio::test]
async fn the_mode_says_who_makes_the_codes() {
    let makers = |mode: Option<&str>, service: Option<&str>| {
        let env = ProviderEnv {
            sms_mode: mode.map(str::to_owned),
            twilio_verify_service_sid: service.map(str::to_owned),
            ..env()
        };
        let providers = env.providers().expect("valid");
        let makes =
            |provider: &&ProviderSettings| build(provider, &context(None)).expect("built").makes_codes();
        providers.iter().filter(makes).map(|provider| provider.name.clone()).collect::<Vec<_>>()
    };
    for mode in [None, Some(""), Some("template")] {
        assert_eq!(makers(mode, Some(VERIFY_SID)), [""; 0]);
    }
    assert_eq!(makers(Some("autogen"), Some(VERIFY_SID)), ["twilio", "2factor"]);
    assert_eq!(makers(Some(" autogen "), None), ["2factor"]);
}

#[test]
fn the_command_line_takes_the_same_settings_but_no_secret() {
    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        providers: ProviderEnv,
    }
    let arguments = ["smsgw", "--provider-order", "2factor,twilio", "--two-factor-plain-text"];
    let program = Program::try_parse_from(arguments).expect("valid");
    assert_eq!(program.providers.provider_order, ["2factor", "twilio"]);
    assert!(program.providers.two_factor_plain_text);
    for flag in ["--twilio-auth-token", "--twilio-api-key-secret", "--two-factor-api-key"] {
        assert!(Program::try_parse_from(["smsgw", flag, "k"]).is_err(), "{flag}");
        assert!(Program::try_parse_from(["smsgw", &format!("{flag}-file"), "k"]).is_ok(), "{flag}");
    }
}

#[test]
fn no_debug_text_shows_a_secret() {
    let text = format!("{:?}", env());
    assert!(text.contains("GATEWY") && !text.contains("\"token\"") && !text.contains("\"key\""), "{text}");
}
