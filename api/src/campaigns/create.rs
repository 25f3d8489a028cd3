//! A new campaign: every check, before anything is stored.

use std::fmt::Display;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use serde::Deserialize;
use shared::campaign::CampaignText;
use shared::ids::{ApiKeyId, CampaignId};
use shared::lane::Lane;
use shared::store::campaigns::{Dedupe, NewCampaign};
use shared::text::SenderId;

use super::budget::BudgetRequest;
use crate::accept::{self, LONGEST_LIFETIME, Refusal, SHORTEST_LIFETIME};
use crate::fields::{self, Faults};
use crate::templates::Variant;

/// Longest name of a campaign and of a dedupe key.
pub(crate) const MAX_NAME_BYTES: usize = 100;
/// How far ahead a campaign may be planned and may last.
const FURTHEST: TimeDelta = TimeDelta::days(365);
/// Fastest throttle that is worth setting.
pub(crate) const MAX_PER_SECOND: i32 = 100_000;
pub(crate) const WEIGHTS: (i16, i16) = (1, 100);
pub(crate) const USUAL_WEIGHT: i16 = 10;
/// Longest time a dedupe key is remembered: 90 days.
pub(crate) const MAX_WINDOW_HOURS: i32 = 90 * 24;
/// How long a dedupe key is remembered if nothing is said.
pub(crate) const USUAL_WINDOW_HOURS: i32 = 24;

/// A campaign as it is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CampaignRequest {
    name: String,
    text: Option<String>,
    /// The template whose text it has, in place of `text`.
    pub(crate) template: Option<String>,
    /// Which of its variants.
    pub(crate) locale: Option<String>,
    sender: Option<String>,
    lane: Option<Lane>,
    start_at: Option<String>,
    expires_at: Option<String>,
    message_expires_in: Option<i64>,
    max_per_second: Option<i32>,
    weight: Option<i16>,
    budget: Option<BudgetRequest>,
    provider_hint: Option<String>,
    dedupe_key: Option<String>,
    dedupe_window_hours: Option<i32>,
}

/// Checks a campaign. `template` is what its `template` names, if there is such a one; `has_links` says whether there are
/// unsubscribe links.
///
/// # Errors
/// [`Refusal`] with everything that is wrong.
pub(crate) fn check(
    request: CampaignRequest,
    template: Option<&Variant>,
    has_links: bool,
    key: ApiKeyId,
    now: DateTime<Utc>,
) -> Result<NewCampaign, Refusal> {
    let mut faults = Faults::default();
    let name = faults.take("name", fields::label(request.name, MAX_NAME_BYTES));
    let lane = faults.take("lane", lane(request.lane, template));
    let start_at = faults.take("start_at", time(request.start_at.as_deref(), now));
    let expires_at = faults.take("expires_at", time(request.expires_at.as_deref(), now));
    if let (Some(Some(start)), Some(Some(end))) = (start_at, expires_at)
        && end <= start
    {
        faults.note("expires_at", "must be after start_at");
    }
    let life = faults.take("message_expires_in", life(request.message_expires_in, lane));
    let max_per_second = within(&mut faults, "max_per_second", request.max_per_second, (1, MAX_PER_SECOND));
    let weight = within(&mut faults, "weight", request.weight, WEIGHTS);
    let budget = request
        .budget
        .as_ref()
        .map(|wanted| wanted.check().map_err(|(field, problem)| format!("{field}: {problem}")));
    let budget = faults.take("budget", budget.transpose());
    let hint = faults.take("provider_hint", request.provider_hint.map(fields::provider).transpose());
    let sender = request.sender.map(SenderId::try_from).transpose();
    let sender = faults.take("sender", sender);
    let window =
        within(&mut faults, "dedupe_window_hours", request.dedupe_window_hours, (1, MAX_WINDOW_HOURS));
    let dedupe = dedupe(request.dedupe_key, window, &mut faults);
    if request.locale.is_some() && request.template.is_none() {
        faults.note("locale", "chooses a variant of a template: give template, too");
    }
    let text = text(request.text, request.template.as_deref(), template, has_links, &mut faults);
    let (Some(name), Some(lane), Some(start_at), Some(expires_at), Some(life), Some(budget), true) =
        (name, lane, start_at, expires_at, life, budget, faults.is_empty())
    else {
        return Err(faults.into());
    };
    let own_sender = template.and_then(|template| template.sender.clone());
    Ok(NewCampaign {
        id: CampaignId::new(now),
        name,
        lane,
        text: text.unwrap_or_default(),
        template: template.map(|template| template.key.to_string()),
        sender: sender.flatten().map(|sender| sender.as_str().to_owned()).or(own_sender),
        provider_hint: hint.flatten(),
        max_per_second,
        weight: weight.unwrap_or(USUAL_WEIGHT),
        message_life_seconds: life,
        start_at,
        expires_at,
        dedupe,
        budget,
        api_key_id: key,
    })
}

/// The lane asked for, else the template's, else promo.
fn lane(wanted: Option<Lane>, template: Option<&Variant>) -> Result<Lane, String> {
    let lane = wanted.or(template.map(|template| template.lane)).unwrap_or(Lane::Promo);
    match (lane, template) {
        (Lane::Otp, _) => Err("must be promo or transactional: codes are sent one by one".to_owned()),
        (lane, Some(template)) if template.lane != lane => {
            Err(format!("the template is for the lane {}, not {lane}", template.lane))
        }
        (lane, _) => Ok(lane),
    }
}

fn time(text: Option<&str>, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, String> {
    let Some(text) = text else { return Ok(None) };
    let time = accept::time(text)?;
    if time < now - TimeDelta::minutes(1) {
        return Err("is in the past".to_owned());
    }
    if time > now + FURTHEST {
        return Err("is more than a year ahead".to_owned());
    }
    Ok(Some(time.trunc_subsecs(3)))
}

fn life(seconds: Option<i64>, lane: Option<Lane>) -> Result<i32, String> {
    let usual = i64::try_from(lane.unwrap_or(Lane::Promo).lifetime().as_secs()).unwrap_or(LONGEST_LIFETIME);
    let seconds = seconds.unwrap_or(usual);
    if !(SHORTEST_LIFETIME..=LONGEST_LIFETIME).contains(&seconds) {
        return Err(format!("must be {SHORTEST_LIFETIME} to {LONGEST_LIFETIME} seconds"));
    }
    i32::try_from(seconds).map_err(|error| error.to_string())
}

fn within<T: Copy + PartialOrd + Display>(
    faults: &mut Faults,
    field: &str,
    value: Option<T>,
    (least, most): (T, T),
) -> Option<T> {
    if value.is_some_and(|value| value < least || value > most) {
        faults.note(field, format_args!("must be {least} to {most}"));
    }
    value
}

fn dedupe(key: Option<String>, window_hours: Option<i32>, faults: &mut Faults) -> Option<Dedupe> {
    let Some(key) = key else {
        if window_hours.is_some() {
            faults.note("dedupe_window_hours", "belongs to dedupe_key: give both");
        }
        return None;
    };
    let key = faults.take("dedupe_key", fields::label(key, MAX_NAME_BYTES))?;
    Some(Dedupe { key, window_hours: window_hours.unwrap_or(USUAL_WINDOW_HOURS) })
}

/// Its text: its own, or what the template says now.
fn text(
    own: Option<String>,
    name: Option<&str>,
    template: Option<&Variant>,
    has_links: bool,
    faults: &mut Faults,
) -> Option<String> {
    let (field, text) = match (own, name, template) {
        (Some(text), None, _) => ("text", text),
        (None, Some(_), Some(template)) => ("template", template.body().to_owned()),
        (None, Some(name), None) => {
            let shown: String = name.chars().take(64).collect();
            faults.note("template", format_args!("there is no template {shown:?}"));
            return None;
        }
        (Some(_), Some(_), _) => {
            faults.note("template", "give either text or template, not both");
            return None;
        }
        (None, None, _) => {
            faults.note("text", "is required, unless template is given");
            return None;
        }
    };
    let compiled = faults.take(field, CampaignText::compile(&text))?;
    if compiled.has_link() && !has_links {
        faults.note(
            field,
            "has an unsubscribe_url, which needs SMSGW_PUBLIC_URL: set it and start the gateway again",
        );
    }
    Some(text)
}
