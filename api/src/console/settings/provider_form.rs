//! The form of a provider: which fields each kind has, what they say of a row, and the document that a sent form makes.
//!
//! Secrets go in and never come out: a field that is left empty leaves its secret as it is.

use serde_json::{Map, Value, json};
use shared::lane::Lane;
use shared::provider::catalogue::ProviderKind;
use shared::store::integrations::Integration;

use crate::console::form::Values;
use crate::extract;
use crate::integrations::Wanted;
use crate::problem::Problem;

/// A line of text in a form, by its name in documents.
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) hint: &'static str,
}

const fn line(name: &'static str, label: &'static str, hint: &'static str) -> Line {
    Line { name, label, hint }
}

/// What a kind of provider has besides what all have.
pub(super) struct Shape {
    pub(super) secrets: &'static [Line],
    /// Set once: what an account sends as is not changed in passing.
    pub(super) lasting: &'static [Line],
    pub(super) settings: &'static [Line],
    /// Whether it can make codes itself.
    pub(super) has_mode: bool,
    /// Whether all its settings are one document.
    pub(super) is_described: bool,
}

const TWILIO: Shape = Shape {
    secrets: &[
        line("credentials.account_sid", "Account SID", "AC and 32 digits, from Twilio's console"),
        line("credentials.auth_token", "Auth token", "checks Twilio's receipts too"),
        line("credentials.api_key_sid", "API key SID", "SK…, if an API key sends instead of the auth token"),
        line("credentials.api_key_secret", "API key secret", ""),
    ],
    lasting: &[
        line("sender", "Sender", "a number of yours, a short code or a name"),
        line("settings.messaging_service_sid", "Messaging service SID", "MG…, picks the sender"),
    ],
    settings: &[
        line("settings.verify_service_sid", "Verify service SID", "VA…, makes the codes in mode autogen"),
        line("settings.base_url", "Base URL", "unless at Twilio"),
    ],
    has_mode: true,
    is_described: false,
};

const TWO_FACTOR: Shape = Shape {
    secrets: &[line("credentials.api_key", "API key", "from 2Factor.in's dashboard")],
    lasting: &[
        line("sender", "Sender", "the six registered letters"),
        line("settings.template", "Template", "the registered name that codes are sent with"),
    ],
    settings: &[line("settings.base_url", "Base URL", "unless at 2Factor.in")],
    has_mode: true,
    is_described: false,
};

const DESCRIBED: Shape = Shape {
    secrets: &[],
    lasting: &[line("sender", "Sender", "whom messages come from when they do not say")],
    settings: &[],
    has_mode: false,
    is_described: true,
};

const SANDBOX: Shape =
    Shape { secrets: &[], lasting: &[], settings: &[], has_mode: false, is_described: false };

pub(super) const fn shape(kind: ProviderKind) -> &'static Shape {
    match kind {
        ProviderKind::Twilio => &TWILIO,
        ProviderKind::TwoFactor => &TWO_FACTOR,
        ProviderKind::Http => &DESCRIBED,
        ProviderKind::Sandbox => &SANDBOX,
    }
}

/// The form of a provider that is not there yet.
pub(super) fn blank() -> Values {
    let mut values = Values::default();
    values.set("enabled", "on");
    for lane in Lane::ALL {
        values.set(lane_field(lane), "on");
    }
    values
}

/// The form of a stored one.
pub(super) fn filled(row: &Integration) -> Values {
    let mut values = Values::default();
    if row.enabled {
        values.set("enabled", "on");
    }
    for lane in &row.lanes {
        values.set(format!("lanes.{lane}"), "on");
    }
    values.set("countries", row.countries.as_deref().unwrap_or_default().join(", "));
    values.set("sender", row.sender.as_deref().unwrap_or_default());
    for (name, number) in [("max_per_second", row.max_per_second), ("max_in_flight", row.max_in_flight)] {
        values.set(name, number.map(|number| number.to_string()).unwrap_or_default());
    }
    for (name, value) in row.settings.as_object().into_iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        values.set(format!("settings.{name}"), text);
    }
    values.set("settings", serde_json::to_string_pretty(&row.settings).unwrap_or_default());
    values
}

/// The box of a lane.
pub(super) fn lane_field(lane: Lane) -> String {
    format!("lanes.{}", lane.as_str())
}

/// The box that takes a secret away.
pub(super) fn removal_field(secret: &str) -> String {
    format!("remove.{secret}")
}

/// What a form asks for: a new provider with this priority, or other values for the one that is `stored`.
///
/// # Errors
/// The field that cannot be read.
pub(super) fn wanted(
    kind: ProviderKind,
    values: &Values,
    stored: Option<&Integration>,
    priority: i32,
) -> Result<Wanted, Problem> {
    let shape = shape(kind);
    let lanes: Vec<_> = Lane::ALL.into_iter().filter(|lane| values.has(&lane_field(*lane))).collect();
    if lanes.is_empty() {
        return Err(Problem::field(
            "lanes",
            "must be one at least: to use it for nothing, take it out of use",
        ));
    }
    let countries = values.get("countries").split([',', ' ', ';']).filter(|code| !code.is_empty());
    let countries: Vec<_> = countries.map(str::to_uppercase).collect();
    let sender = stored.map_or_else(|| values.text("sender"), |stored| stored.sender.as_deref());
    let document = json!({
        "kind": kind.as_str(),
        "priority": stored.map_or(priority, |stored| stored.priority),
        "enabled": values.has("enabled"),
        "lanes": lanes.iter().map(|lane| lane.as_str()).collect::<Vec<_>>(),
        "countries": Some(countries).filter(|countries| !countries.is_empty()),
        "max_per_second": values.number("max_per_second"),
        "max_in_flight": values.number("max_in_flight"),
        "sender": sender,
        "settings": settings(shape, values, stored)?,
        "credentials": credentials(shape, values)?,
    });
    extract::parse(document.to_string().as_bytes())
}

fn settings(shape: &Shape, values: &Values, stored: Option<&Integration>) -> Result<Value, Problem> {
    if shape.is_described {
        return serde_json::from_str(values.get("settings"))
            .ok()
            .filter(Value::is_object)
            .ok_or_else(|| Problem::field("settings", "must be a JSON object"));
    }
    let mut settings: Map<_, _> =
        stored.and_then(|stored| stored.settings.as_object()).cloned().unwrap_or_default();
    // What lasts is not changed, whatever the form says.
    let open = if stored.is_some() { &[] } else { shape.lasting };
    for line in shape.settings.iter().chain(open) {
        let Some(name) = line.name.strip_prefix("settings.") else { continue };
        match values.text(line.name) {
            Some(text) => settings.insert(name.to_owned(), Value::from(text)),
            None => settings.remove(name),
        };
    }
    if shape.has_mode
        && let Some(mode) = values.text("settings.mode")
    {
        settings.insert("mode".to_owned(), Value::from(mode));
    }
    Ok(Value::Object(settings))
}

fn credentials(shape: &Shape, values: &Values) -> Result<Map<String, Value>, Problem> {
    let given = shape.secrets.iter().filter_map(|line| {
        let name = line.name.strip_prefix("credentials.")?;
        // An empty text takes a secret away.
        let is_removed = values.has(&removal_field(line.name));
        let secret = values.text(line.name).or_else(|| is_removed.then_some(""))?;
        Some((name.to_owned(), Value::from(secret)))
    });
    let mut credentials: Map<_, _> = given.collect();
    for line in values.get("credentials").lines().filter(|line| !line.trim().is_empty()) {
        let pair = line.split_once('=').filter(|(name, _)| !name.trim().is_empty());
        let Some((name, secret)) = pair else {
            return Err(Problem::field("credentials", "must be lines of NAME=SECRET"));
        };
        credentials.insert(name.trim().to_owned(), Value::from(secret.trim()));
    }
    Ok(credentials)
}
