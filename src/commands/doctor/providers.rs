//! Providers: there is one that sends, and none is broken.

use shared::config::Environment;
use shared::provider::catalogue::{Catalogue, ProviderSettings, VendorConfig};
use shared::store::integrations::Integration;

use super::{Finding, Patient};

const CHECK: &str = "providers";
const RECEIPTS: &str = "public url";

/// Looks at the environment's providers and, if the database was reached, at the stored ones.
pub(super) fn check(patient: &Patient, rows: Option<&[Integration]>) -> Vec<Finding> {
    let given = match patient.args.providers.providers() {
        Ok(given) => given,
        Err(error) => {
            let cure = "correct the variable; `smsgw serve --help` explains it";
            return vec![Finding::fail(CHECK, error.to_string(), cure)];
        }
    };
    let mut findings = Vec::new();
    if let (Some(keyring), Some(rows)) = (&patient.keyring, rows) {
        let catalogue = Catalogue::load(&given, rows, keyring.credentials(), patient.environment);
        findings.extend(catalogue.broken.iter().map(|broken| {
            let cure = format!("set it again: smsgw providers add {} --replace …", broken.name);
            Finding::fail(CHECK, broken.to_string(), cure)
        }));
        let enabled: Vec<_> = catalogue.providers.iter().filter(|one| one.enabled).collect();
        findings.push(usable(&enabled, patient.environment));
        findings.extend(receipts(&enabled, patient));
    }
    findings
}

fn usable(enabled: &[&ProviderSettings], environment: Environment) -> Finding {
    const CURE: &str = "set TWILIO_… or TWO_FACTOR_…, or `smsgw providers add`";
    let real = |one: &&&ProviderSettings| !matches!(one.vendor, VendorConfig::Sandbox);
    let names: Vec<_> = enabled.iter().map(|one| one.name.as_str()).collect();
    match (enabled.iter().filter(real).count(), environment) {
        (0, _) if enabled.is_empty() => Finding::fail(CHECK, "there is none that is enabled", CURE),
        (0, Environment::Production) => {
            Finding::fail(CHECK, "only the sandbox is set, which does not exist in production", CURE)
        }
        (0, Environment::Development) => Finding::ok(CHECK, "the sandbox: nothing leaves this machine"),
        _ => Finding::ok(CHECK, names.join(", ")),
    }
}

/// Without a public URL nobody hears whether a message arrived.
fn receipts(enabled: &[&ProviderSettings], patient: &Patient) -> Option<Finding> {
    let cure =
        "set SMSGW_PUBLIC_URL to where providers reach this gateway, for example https://sms.example.com";
    match patient.args.gateway.site.public_url() {
        Err(error) => Some(Finding::fail(RECEIPTS, error.to_string(), cure)),
        Ok(Some(_)) => Some(signatures(enabled)),
        Ok(None) => {
            let one = enabled.iter().find(|one| matches!(one.vendor, VendorConfig::Twilio(_)))?;
            Some(Finding::warn(RECEIPTS, format!("is not set, so {} sends no receipts", one.name), cure))
        }
    }
}

/// An account may be used by an API key, but what it posts to us is signed with its auth token.
fn signatures(enabled: &[&ProviderSettings]) -> Finding {
    let unsigned = |one: &&&ProviderSettings| match &one.vendor {
        VendorConfig::Twilio(config) => config.auth_token().is_none(),
        VendorConfig::TwoFactor(_)
        | VendorConfig::Generic(_)
        | VendorConfig::Sandbox
        | VendorConfig::Given(_) => false,
    };
    let names: Vec<_> = enabled.iter().filter(unsigned).map(|one| one.name.as_str()).collect();
    if names.is_empty() {
        return Finding::ok(RECEIPTS, "is set");
    }
    let detail = format!(
        "is set, but the receipts and inbound texts (STOP) of {} are refused: no auth token",
        names.join(", ")
    );
    let cure = "set the account's auth token beside its API key: TWILIO_AUTH_TOKEN, or auth_token of \
                `smsgw providers add NAME --replace`";
    Finding::warn(RECEIPTS, detail, cure)
}
