//! `smsgw doctor`: the commonest faults, each with its cure. One line a check.

use anyhow::Result;
use serde::Serialize;
use shared::config::Environment;
use shared::seal::Keyring;
use shared::store::integrations::{self, Integration};
use sqlx::PgPool;

use crate::cli::DoctorArgs;
use crate::home;
use crate::print::{AlreadyTold, Printer};

mod database;
mod network;
mod providers;
mod secrets;
mod sending;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    /// Worth knowing; messages are sent.
    Warn,
    /// Messages are not sent, or will soon not be.
    Fail,
}

/// What one check found.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    result: Verdict,
    detail: String,
    cure: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, result: Verdict::Ok, detail: detail.into(), cure: None }
    }

    fn warn(check: &'static str, detail: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { check, result: Verdict::Warn, detail: detail.into(), cure: Some(cure.into()) }
    }

    fn fail(check: &'static str, detail: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { check, result: Verdict::Fail, detail: detail.into(), cure: Some(cure.into()) }
    }

    fn line(&self) -> String {
        let word = match self.result {
            Verdict::Ok => "ok",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
        };
        let cure =
            self.cure.as_ref().map(|cure| format!("\n                   cure: {cure}")).unwrap_or_default();
        format!("{word:5} {:12} {}{cure}", self.check, self.detail)
    }
}

/// What all checks look at.
struct Patient {
    args: DoctorArgs,
    environment: Environment,
    keyring: Option<Keyring>,
}

/// Runs all checks that can be run and prints what each found.
pub(crate) async fn run(args: DoctorArgs, printer: Printer) -> Result<()> {
    let environment = home::environment(&args.gateway.site, &args.gateway.database);
    let (keyring, key) = secrets::master_key(&args.gateway.secrets);
    let patient = Patient { args, environment, keyring };
    let mut findings = vec![key];
    let (pool, found) = database::check(&patient.args.gateway.database).await;
    findings.extend(found);
    let rows = match &pool {
        Some(pool) => {
            findings.extend(database::check_upkeep(pool).await);
            integrations::list(pool).await.ok()
        }
        None => None,
    };
    findings.extend(of_rows(&patient, pool.as_ref(), rows.as_deref()).await);
    findings.extend(network::check(&patient).await);
    for finding in &findings {
        printer.show(finding, || finding.line())?;
    }
    match findings.iter().any(|finding| finding.result == Verdict::Fail) {
        true => Err(AlreadyTold.into()),
        false => Ok(()),
    }
}

/// What can be told with the tables at hand, and of the environment's providers without them.
async fn of_rows(patient: &Patient, pool: Option<&PgPool>, rows: Option<&[Integration]>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let (Some(keyring), Some(pool), Some(rows)) = (&patient.keyring, pool, rows) {
        findings.extend(secrets::check_stored(keyring, pool, rows).await);
    }
    findings.extend(providers::check(patient, rows));
    if let (Some(pool), Some(_)) = (pool, rows) {
        findings.extend(sending::check(pool).await);
    }
    findings
}
