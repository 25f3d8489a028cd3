//! The master key: there, well formed, and the one that sealed what is stored.

use shared::config::SecretsConfig;
use shared::seal::{Keyring, OpenError};
use shared::store::integrations::Integration;
use shared::store::two_factor::{self, Samples};
use shared::store::{api_keys, suppressions};
use sqlx::PgPool;

use super::Finding;
use crate::home;

const CHECK: &str = "master key";
const ERASED: &str = "erased people";
const FACTORS: &str = "second factors";
const OTHER_KEY: &str =
    "set SMSGW_MASTER_KEY to the key they were made with, or add that one as SMSGW_MASTER_KEY_PREVIOUS";

/// Reads the key.
pub(super) fn master_key(given: &SecretsConfig) -> (Option<Keyring>, Finding) {
    match home::keyring(given) {
        Ok(keyring) => (Some(keyring), Finding::ok(CHECK, "is well formed")),
        Err(error) => {
            let cure = "set SMSGW_MASTER_KEY or SMSGW_MASTER_KEY_FILE to the gateway's key; only for a new gateway \
                        make one: openssl rand -base64 32";
            (None, Finding::fail(CHECK, format!("{error:#}"), cure))
        }
    }
}

/// Whether it opens what is stored.
pub(super) async fn check_stored(keyring: &Keyring, pool: &PgPool, rows: &[Integration]) -> Vec<Finding> {
    let closed: Vec<_> = rows
        .iter()
        .filter(|row| row.credentials(keyring.credentials()).is_err())
        .map(|row| row.name.as_str())
        .collect();
    let credentials = match closed.as_slice() {
        [] => Finding::ok(CHECK, format!("opens the credentials of {} stored providers", rows.len())),
        names => {
            let detail = format!("does not open the credentials of {}", names.join(", "));
            Finding::fail(
                CHECK,
                detail,
                format!("{OTHER_KEY}; or set them again: smsgw providers add --replace"),
            )
        }
    };
    let keys = match api_keys::list_live_macs(pool).await {
        Ok(macs) => live_keys(keyring, &macs),
        Err(error) => Finding::fail("api keys", error.to_string(), "see the error"),
    };
    let people = match suppressions::list_samples(pool).await {
        Ok(hashes) => erased_people(keyring, &hashes),
        Err(error) => Some(Finding::fail(ERASED, error.to_string(), "see the error")),
    };
    let factors = match two_factor::list_samples(pool).await {
        Ok(samples) => second_factors(keyring, &samples),
        Err(error) => Some(Finding::fail(FACTORS, error.to_string(), "see the error")),
    };
    [Some(credentials), Some(keys), people, factors].into_iter().flatten().collect()
}

/// Whether erased people are still recognised; nothing is said where there are none.
fn erased_people(keyring: &Keyring, samples: &[Vec<u8>]) -> Option<Finding> {
    let unread = samples.iter().filter(|hash| keyring.people().verify(&[], hash).is_err()).count();
    match (samples.len(), unread) {
        (0, _) => None,
        (_, 0) => Some(Finding::ok(ERASED, "what they had stopped holds")),
        _ => {
            let detail = "what some of them had stopped was kept by another master key and does not hold";
            Some(Finding::fail(ERASED, detail, OTHER_KEY))
        }
    }
}

/// Whether users are still known by what they have; nothing is said where nobody has anything.
fn second_factors(keyring: &Keyring, Samples { backup_codes, apps }: &Samples) -> Option<Finding> {
    let is_lost = |mac: &Vec<u8>| keyring.backup_codes().verify(&[], mac).is_err();
    // Which key is missing is told before anything is opened; none of them opens at no place.
    let is_shut =
        |sealed: &Vec<u8>| matches!(keyring.apps().open(&[], sealed), Err(OpenError::UnknownKey(_)));
    if backup_codes.is_empty() && apps.is_empty() {
        return None;
    }
    Some(if backup_codes.iter().any(is_lost) || apps.iter().any(is_shut) {
        let detail = "backup codes or apps of some users were kept by another master key and let nobody in";
        Finding::fail(FACTORS, detail, format!("{OTHER_KEY}; or let these users set them up anew"))
    } else {
        Finding::ok(FACTORS, "backup codes and apps are known")
    })
}

fn live_keys(keyring: &Keyring, macs: &[Vec<u8>]) -> Finding {
    // Which key a hash was made with is told before anything is compared.
    let ours = macs.iter().filter(|mac| keyring.api_keys().verify(&[], mac).is_ok()).count();
    match (macs.len(), ours) {
        (0, _) => Finding::warn("api keys", "there is none, so nobody can call", "smsgw keys create NAME"),
        (all, ours) if ours == all => Finding::ok("api keys", format!("{all} live")),
        (all, ours) => {
            let detail = format!("{} of {all} were made with another master key and are refused", all - ours);
            Finding::fail(
                "api keys",
                detail,
                format!("{OTHER_KEY}; or make new ones: smsgw keys create NAME"),
            )
        }
    }
}
