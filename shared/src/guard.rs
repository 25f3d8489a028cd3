//! The pumping guard: which sends of codes only serve whoever earns from the texts. Pure.
//!
//! Fraudsters have codes sent to numbers whose operators share the price with them. Nobody types those codes in, and the
//! numbers lie close together. So the guard watches prefixes (numbers without their last four digits), clients' addresses
//! and countries, by three means:
//!
//! - *neighbours*: many numbers of one prefix at once that verify nothing;
//! - *credits*: each send costs one, each code that comes back returns some: what can be lost is known beforehand;
//! - *ratio*: the share of codes that came back, of those that no longer can, is lower than chance allows.
//!
//! Numbers that have verified a code before pass all of them and are not counted: whoever owns one number could otherwise
//! earn credits with it for others. Resends cost a credit, and are counted once.

mod decision;
mod settings;
mod state;
mod subject;
mod traffic;

#[cfg(test)]
mod simulations;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};

pub use self::decision::{Decision, Inputs, Outcome, Rule, UnknownOutcome, View};
pub use self::settings::{Mode, Rates, Settings, UnknownMode};
pub use self::state::{Hold, HoldRule, Probe, State};
pub use self::subject::{Key, Kind, NOWHERE, Place, parse_client, parse_released};
pub use self::traffic::{Counts, Traffic};

/// Named in every decision; another number for other rules.
pub const RULE_VERSION: i16 = 2;

/// No code lives longer, in seconds: what is older can no more be verified.
const LIFETIME: i64 = 600;
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// How long neighbours block a prefix, in seconds.
const NEIGHBOURS_HOLD: i64 = 900;
/// Codes that show whether a block was right.
const PROBES: u32 = 3;
/// Of codes that usually come back so many must, at least.
const SHARE: f64 = 0.5;
/// That share of all, whatever is usual.
const LEAST_RATIO: f64 = 0.15;

/// Texts with codes of an application that reports none that came back: so many an hour …
pub const UNMEASURED_AN_HOUR: i32 = 50;
/// … and so many to one prefix.
pub const UNMEASURED_PREFIX_AN_HOUR: i32 = 5;

/// What a send is about.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Where it goes.
    pub place: &'a Place,
    /// The number has verified a code before.
    pub is_known: bool,
    /// The application had its user pass a challenge.
    pub is_challenged: bool,
    /// Another code of a running session.
    pub is_resend: bool,
    /// It would cost more than an operator lets codes cost.
    pub is_over_cap: bool,
    /// An application checks its code, reports none that came back, and has sent as many as it may then.
    pub is_unmeasured: bool,
    /// The database's time.
    pub now: DateTime<Utc>,
}

/// The subjects of a send.
#[derive(Debug)]
pub struct Watched<'a> {
    /// Its prefix.
    pub prefix: &'a mut State,
    /// The client's address, if it is known.
    pub ip: Option<&'a mut State>,
    /// Its country.
    pub country: &'a mut State,
}

/// Says what should become of a send, and counts it for its subjects if it is sent. To look without counting, give copies.
pub fn judge(settings: &Settings, rates: &Rates, watched: Watched<'_>, ask: &Ask<'_>) -> Decision {
    let Watched { prefix, mut ip, country } = watched;
    let now = ask.now.timestamp();
    let rate = rates.of_country(&ask.place.country, settings);
    let least = (rate * SHARE).max(LEAST_RATIO);
    prefix.advance(Kind::Prefix, settings, now);
    country.advance(Kind::Country, settings, now);
    if let Some(ip) = &mut ip {
        ip.advance(Kind::Ip, settings, now);
    }
    let (neighbours, near) = prefix.neighbours(ask.place.suffix);
    let inputs = Inputs {
        known_number: ask.is_known,
        challenged: ask.is_challenged,
        resend: ask.is_resend,
        rate,
        least,
        neighbours,
        neighbours_allowed: neighbours_allowed(settings, prefix, least, now),
        near,
        prefix: View::of(prefix, now),
        ip: ip.as_deref().map(|ip| View::of(ip, now)),
        country: View::of(country, now),
    };
    let rule = match (ask.is_over_cap, ask.is_known, ask.is_unmeasured) {
        (true, ..) => Rule::SpendCap,
        (false, true, _) => Rule::KnownNumber,
        (false, false, true) => Rule::Unmeasured,
        (false, false, false) => decide(settings, prefix, ip.as_deref_mut(), country, ask, &inputs),
    };
    let decision = Decision { rule, is_enforced: rule.is_enforced_in(settings.mode), inputs };
    if decision.is_sent() && !ask.is_known {
        prefix.count(Kind::Prefix, settings, ask.is_resend, now);
        prefix.remember(ask.place.suffix, now);
        country.count(Kind::Country, settings, ask.is_resend, now);
        if let Some(ip) = ip {
            ip.count(Kind::Ip, settings, ask.is_resend, now);
        }
    }
    decision
}

/// A prefix of which codes come back may have six times its usual neighbours more: where many people live, many ask for
/// codes within ten minutes.
fn neighbours_allowed(settings: &Settings, prefix: &State, least: f64, now: i64) -> u32 {
    const TIMES: f64 = 6.0;
    match prefix.is_known_good(least, now) {
        true => settings.neighbours.saturating_add((prefix.usual_neighbours(now) * TIMES) as u32),
        false => settings.neighbours,
    }
}

/// The first rule that says no, or none. Blocks that follow from it are set.
fn decide(
    settings: &Settings,
    prefix: &mut State,
    ip: Option<&mut State>,
    country: &State,
    ask: &Ask<'_>,
    inputs: &Inputs,
) -> Rule {
    let now = ask.now.timestamp();
    if prefix.hold.is_some() || ip.as_ref().is_some_and(|ip| ip.hold.is_some()) {
        return Rule::Blocked;
    }
    if inputs.neighbours >= inputs.neighbours_allowed || inputs.near >= settings.near {
        prefix.hold = Some(Hold { rule: HoldRule::Neighbours, until: now + NEIGHBOURS_HOLD });
        return Rule::Neighbours;
    }
    if let Some(rule) = look_at_ratio(prefix, Rule::Ratio, inputs.least, now) {
        return rule;
    }
    let ip_has_credits = ip.as_ref().is_none_or(|ip| ip.credits >= 1.0 || ip.probe.is_some());
    if let Some(rule) = ip.and_then(|ip| look_at_ratio(ip, Rule::RatioIp, inputs.least, now)) {
        return rule;
    }
    match (country.credits >= 1.0, prefix.probe) {
        (false, _) => Rule::CreditsCountry,
        // A probe asks for one thing only: whether its codes come back.
        (true, Some(_)) => Rule::Probe,
        (true, None) if prefix.credits < 1.0 && !ask.is_challenged => Rule::CreditsPrefix,
        (true, None) if !ip_has_credits && !ask.is_challenged => Rule::CreditsIp,
        (true, None) => Rule::Passed,
    }
}

/// What the codes of `state` that came back, or did not, say against the next; `rule` is its name.
fn look_at_ratio(state: &mut State, rule: Rule, least: f64, now: i64) -> Option<Rule> {
    let trips = match (state.probe, state.probed(PROBES, now)) {
        (Some(_), (true, true)) => true,
        (Some(_), (true, false)) => return Some(Rule::ProbeSpent),
        (Some(_), (false, _)) => false,
        (None, _) => [HOUR, DAY].iter().any(|window| state.traffic.matured(now, *window).upper() < least),
    };
    trips.then(|| {
        state.trip(now);
        rule
    })
}

/// A code for `place` that was counted at `counted_at` was never sent: no provider took it. That nobody typed it in says
/// nothing of its subjects.
pub fn take_back(
    settings: &Settings,
    watched: Watched<'_>,
    place: &Place,
    is_resend: bool,
    counted_at: DateTime<Utc>,
    now: DateTime<Utc>,
) {
    let Watched { prefix, ip, country } = watched;
    let (counted_at, now) = (counted_at.timestamp(), now.timestamp());
    if !is_resend {
        prefix.recent.retain(|(suffix, _)| *suffix != place.suffix);
    }
    let all = [(Kind::Prefix, Some(&mut *prefix)), (Kind::Ip, ip), (Kind::Country, Some(country))];
    for (kind, state) in all {
        if let Some(state) = state {
            state.advance(kind, settings, now);
            state.take_back(kind, settings, is_resend, counted_at, now);
        }
    }
    // Fewer than either bound asks for.
    let crowd = usize::try_from(settings.neighbours.min(settings.near)).unwrap_or(usize::MAX);
    let is_crowd = prefix.recent.len() >= crowd;
    if prefix.hold.is_some_and(|hold| hold.rule == HoldRule::Neighbours) && !is_crowd {
        prefix.hold = None;
    }
}

/// A code that was sent to `place` at `sent_at` was verified at `now`, for the first time.
pub fn convert(
    settings: &Settings,
    rates: &Rates,
    watched: Watched<'_>,
    place: &Place,
    sent_at: DateTime<Utc>,
    now: DateTime<Utc>,
) {
    let Watched { prefix, ip, country } = watched;
    let (sent_at, now) = (sent_at.timestamp(), now.timestamp());
    let least = (rates.of_country(&place.country, settings) * SHARE).max(LEAST_RATIO);
    let rate = rates.of_all(settings);
    prefix.recent.retain(|(suffix, _)| *suffix != place.suffix);
    let all = [(Kind::Prefix, Some(&mut *prefix)), (Kind::Ip, ip), (Kind::Country, Some(country))];
    for (kind, state) in all {
        if let Some(state) = state {
            state.advance(kind, settings, now);
            state.convert(kind, settings, sent_at, rate, least, now);
        }
    }
    // People are there after all.
    if prefix.hold.is_some_and(|hold| hold.rule == HoldRule::Neighbours) && prefix.is_known_good(least, now) {
        prefix.hold = None;
    }
}
