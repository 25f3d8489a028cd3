//! What codes of each purpose allow and how often they may be sent, as operators set it: what is asked for, checked before
//! it is stored.

use std::fmt::Display;
use std::ops::RangeInclusive;

use serde::Deserialize;
use shared::limits::{Kind, UnknownKind};
use shared::otp_policy::{Purpose, Resend};
use shared::store::otp_policies::{LimitRow, PolicyRow};
use shared::template::TemplateName;

use crate::accept::Refusal;
use crate::fields::Faults;
use crate::problem::Problem;

/// What a purpose is to allow; everything is to be given, but for the origin.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedPolicy {
    code_length: i16,
    lifetime_seconds: i32,
    max_attempts: i16,
    cool_down_seconds: i32,
    max_sends: i16,
    send_window_seconds: i32,
    resend: Resend,
    template: String,
    origin: Option<String>,
}

impl WantedPolicy {
    /// What `purpose` is to allow, as it is stored.
    ///
    /// # Errors
    /// Every field that is out of its bounds.
    pub(crate) fn check(self, purpose: Purpose) -> Result<PolicyRow, Problem> {
        let mut faults = Faults::default();
        bound(&mut faults, "code_length", self.code_length, 6..=10);
        bound(&mut faults, "lifetime_seconds", self.lifetime_seconds, 30..=600);
        bound(&mut faults, "max_attempts", self.max_attempts, 1..=10);
        bound(&mut faults, "cool_down_seconds", self.cool_down_seconds, 1..=600);
        bound(&mut faults, "max_sends", self.max_sends, 1..=20);
        bound(&mut faults, "send_window_seconds", self.send_window_seconds, 1..=86_400);
        faults.take("template", TemplateName::parse(&self.template));
        faults.take("origin", self.origin.as_deref().map(check_host).transpose());
        if !faults.is_empty() {
            return Err(Refusal::from(faults).into());
        }
        Ok(PolicyRow {
            purpose: purpose.as_str().to_owned(),
            code_length: self.code_length,
            lifetime_seconds: self.lifetime_seconds,
            max_attempts: self.max_attempts,
            cool_down_seconds: self.cool_down_seconds,
            max_sends: self.max_sends,
            send_window_seconds: self.send_window_seconds,
            resend: if self.resend == Resend::Same { "same" } else { "new" }.to_owned(),
            template: self.template,
            origin: self.origin,
        })
    }
}

/// A limit as it is set.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedLimit {
    kind: String,
    per_seconds: i32,
    most: i32,
}

impl WantedLimit {
    /// The limit `name`, as it is stored.
    ///
    /// # Errors
    /// Every field that is out of its bounds.
    pub(crate) fn check(self, name: String) -> Result<LimitRow, Problem> {
        let mut faults = Faults::default();
        faults.take("name", check_limit_name(&name));
        // The windows of purposes are set with them.
        let kind = match self.kind.parse() {
            Ok(Kind::Purpose) | Err(UnknownKind) => Err(UnknownKind),
            Ok(kind) => Ok(kind),
        };
        if let Some(kind) = faults.take("kind", kind) {
            let most = if kind.is_exact() { 1000 } else { 1_000_000_000 };
            bound(&mut faults, "most", self.most, 1..=most);
        }
        bound(&mut faults, "per_seconds", self.per_seconds, 1..=2_592_000);
        if !faults.is_empty() {
            return Err(Refusal::from(faults).into());
        }
        Ok(LimitRow { name, kind: self.kind, per_seconds: self.per_seconds, most: self.most })
    }
}

fn bound<T: Copy + Display + PartialOrd>(
    faults: &mut Faults,
    field: &str,
    value: T,
    range: RangeInclusive<T>,
) {
    if !range.contains(&value) {
        faults.note(field, format_args!("must be {} to {}", range.start(), range.end()));
    }
}

/// Whether a limit can have this name.
pub(crate) fn check_limit_name(name: &str) -> Result<(), &'static str> {
    let plain = name.len() <= 40
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'));
    if plain && !name.starts_with("purpose-") {
        Ok(())
    } else {
        Err("must be 1 to 40 of a-z, 0-9, _ and -, beginning with a letter and not with purpose-")
    }
}

/// The host of a web page, as browsers compare it.
fn check_host(host: &str) -> Result<(), &'static str> {
    let plain = (1..=253).contains(&host.len())
        && host.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-'))
        && host.split('.').all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'));
    if plain { Ok(()) } else { Err("must be a host's name in lower case, such as app.example.com") }
}
