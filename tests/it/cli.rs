//! The commands as an operator types them: the real binary, its output, its exit codes.

use std::sync::Arc;

use secrecy::ExposeSecret;
use serde_json::Value;
use shared::seal::{Keyring, MasterKey};
use tests::TestApp;
use tests::process::{Said, Settings, said};

mod calls;
mod campaigns;
mod doctor;
mod guard;
mod help;
mod operation;
mod opt_outs;
mod outbox;
mod people;
mod prices;
mod providers;
mod rules;
mod settings;
mod spend;
mod users;

/// Sets a Twilio account called main; its secrets come by standard input.
const ADD_MAIN: [&str; 9] =
    ["providers", "add", "main", "--kind", "twilio", "--sender", "+15005550006", "--credentials-file", "-"];

/// A gateway's database, and the environment its operator has.
struct Desk {
    app: TestApp,
    settings: Settings,
}

impl Desk {
    async fn new() -> Self {
        let mut app = TestApp::without_worker().await;
        let key = MasterKey::generate();
        app.keyring = Arc::new(Keyring::new(&key, &[]));
        let settings = vec![
            ("DATABASE_URL", app.url.clone()),
            ("SMSGW_MASTER_KEY", key.to_base64().expose_secret().to_owned()),
            ("SMSGW_DEV_DIR", "/nowhere".to_owned()),
        ];
        Self { app, settings }
    }

    /// With another setting.
    fn with(&self, name: &'static str, value: &str) -> Settings {
        let mut settings = self.settings.clone();
        settings.retain(|(known, _)| *known != name);
        settings.push((name, value.to_owned()));
        settings
    }

    fn say(&self, arguments: &[&str]) -> Said {
        said(&self.settings, arguments, "")
    }

    fn say_with_input(&self, arguments: &[&str], input: &str) -> Said {
        said(&self.settings, arguments, input)
    }

    /// What a command that does its work prints.
    fn done(&self, arguments: &[&str]) -> String {
        let said = self.say(arguments);
        assert_eq!(said.code, 0, "{arguments:?}: {}", said.err);
        said.out
    }

    /// The lines that it prints with `--json`.
    fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let arguments = [arguments, &["--json"]].concat();
        lines(&self.done(&arguments))
    }
}

/// Every line as the JSON it must be.
fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect()
}
