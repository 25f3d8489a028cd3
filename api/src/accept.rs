//! Accepting one message: every check, and the row that may be committed when all are passed.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};
use shared::country_rules::Breach;
use shared::ids::{ApiKeyId, BatchId, MessageId};
use shared::lane::Lane;
use shared::message::{Body, NewMessage};
use shared::phone::Region;
use shared::store::templates::VendorsOwn;
use shared::text::MessageText;

use crate::fields::{self, Faults, Reach};
use crate::problem::FieldError;
use crate::templates::Variant;

/// A `send_at` this far behind the clock means "now": clocks differ, networks take time.
const PAST_TOLERANCE: TimeDelta = TimeDelta::seconds(60);
/// How far ahead a message may be planned.
const FURTHEST: TimeDelta = TimeDelta::days(30);
/// Bounds of `expires_in`. With the furthest plan they stay below the shortest time the log is kept.
pub(crate) const SHORTEST_LIFETIME: i64 = 5;
pub(crate) const LONGEST_LIFETIME: i64 = 3 * 24 * 3600;
/// Longest name of a template at a provider.
const MAX_VENDOR_TEMPLATE: usize = 100;

/// One message as it is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SendRequest {
    to: String,
    text: Option<String>,
    /// The template to fill, in place of `text`.
    pub(crate) template: Option<String>,
    vars: Option<Map<String, Value>>,
    user_id: Option<String>,
    provider_hint: Option<String>,
    send_at: Option<String>,
    expires_in: Option<i64>,
    at_most_once: Option<bool>,
    /// It carries a code that the application checks itself.
    pub(crate) guarded: Option<bool>,
}

impl SendRequest {
    /// A message of a template, and nothing said of anything else.
    pub(crate) fn of_template(to: String, template: String, vars: Map<String, Value>) -> Self {
        Self { to, template: Some(template), vars: Some(vars), ..Self::default() }
    }
}

/// Why a message is not accepted; each variant is another answer.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Fields that cannot be used.
    Fields(Vec<FieldError>),
    /// The number's country is not on the list; `None` if it has none.
    CountryBlocked {
        /// The field with the number.
        field: &'static str,
        /// Its country.
        country: Option<Region>,
    },
    /// A rule of the number's country forbids it.
    CountryRule(Breach),
}

/// What a message has from its request and not from its own fields.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'a> {
    /// The queue asked for.
    pub(crate) lane: Lane,
    /// The key that asks.
    pub(crate) key: ApiKeyId,
    /// The batch it comes with.
    pub(crate) batch: Option<BatchId>,
    /// W3C trace context.
    pub(crate) trace: Option<&'a str>,
    /// The database's time.
    pub(crate) now: DateTime<Utc>,
}

/// Its text, and the template it came from.
struct Content {
    text: MessageText,
    sender: Option<String>,
    template: Option<String>,
    variables: Option<Value>,
}

/// Checks a request. `template` is what its `template` names, if there is such a one.
///
/// # Errors
/// [`Refusal`] with everything that is wrong.
pub(crate) fn check(
    request: SendRequest,
    template: Option<&Variant>,
    reach: &Reach,
    origin: Origin<'_>,
) -> Result<NewMessage, Refusal> {
    let mut faults = Faults::default();
    let to = faults.take("to", reach.phone(&request.to));
    let due_at = faults.take("send_at", due(request.send_at.as_deref(), origin.now));
    let lifetime = faults.take("expires_in", lifetime(request.expires_in, origin.lane));
    let user_id = faults.take("user_id", request.user_id.map(fields::user_id).transpose());
    let hint = faults.take("provider_hint", request.provider_hint.map(fields::provider).transpose());
    if request.guarded.is_some() && origin.batch.is_some() {
        faults.note("guarded", "is for single messages");
    }
    // It is judged now, by what came back until now, and its code would be too old to be typed in.
    if request.guarded == Some(true) && due_at.flatten().is_some() {
        faults.note("guarded", "cannot be planned ahead");
    }
    let content = match (request.text, request.template) {
        (Some(text), None) => plain(text, request.vars.is_some(), &mut faults),
        (None, Some(name)) => {
            filled(&name, template, request.vars.unwrap_or_default(), origin.lane, &mut faults)
        }
        (Some(_), Some(_)) => {
            faults.note("template", "give either text or template, not both");
            None
        }
        (None, None) => {
            faults.note("text", "is required, unless template is given");
            None
        }
    };
    let (Some(to), Some(due_at), Some(lifetime), Some(user_id), Some(hint), Some(content), true) =
        (to, due_at, lifetime, user_id, hint, content, faults.is_empty())
    else {
        return Err(faults.into());
    };
    reach.allow("to", &to)?;
    Ok(NewMessage {
        id: MessageId::new(origin.now),
        lane: origin.lane,
        due_at,
        expires_at: due_at.unwrap_or(origin.now).trunc_subsecs(3) + lifetime,
        to: to.as_str().to_owned(),
        segments: i16::try_from(content.text.segments().count).unwrap_or(i16::MAX),
        body: Body::Clear(content.text.into_string()),
        sender: content.sender,
        template: content.template,
        variables: content.variables,
        hint,
        preferred: None,
        at_most_once: request.at_most_once.unwrap_or(false),
        user_id,
        api_key_id: Some(origin.key),
        session_id: None,
        batch_id: origin.batch,
        campaign_id: None,
        trace: origin.trace.map(str::to_owned),
    })
}

/// Checks a message of a template that only the provider knows, by the name it has there.
///
/// # Errors
/// As [`check`].
pub(crate) fn check_vendors(
    to: &str,
    template: &str,
    vars: Map<String, Value>,
    reach: &Reach,
    origin: Origin<'_>,
) -> Result<NewMessage, Refusal> {
    let mut faults = Faults::default();
    let plain =
        (1..=MAX_VENDOR_TEMPLATE).contains(&template.len()) && template.bytes().all(|b| b.is_ascii_graphic());
    if !plain {
        faults.note("template", format_args!("must be 1 to {MAX_VENDOR_TEMPLATE} visible ASCII characters"));
    }
    faults.take("vars", fields::vars(&vars));
    // For people who read the log: the text itself is the provider's.
    let shown: Vec<String> = vars.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let text = faults.take("vars", MessageText::parse(format!("[{template}] {}", shown.join(", "))));
    if !faults.is_empty() {
        return Err(faults.into());
    }
    let text = text.map(MessageText::into_string);
    let message =
        check(SendRequest { to: to.to_owned(), text, ..SendRequest::default() }, None, reach, origin)?;
    let template = Some(VendorsOwn(template).to_string());
    Ok(NewMessage { template, variables: Some(Value::Object(vars)), ..message })
}

fn plain(text: String, has_vars: bool, faults: &mut Faults) -> Option<Content> {
    if has_vars {
        faults.note("vars", "belong to a template; text is sent as it is");
    }
    let text = faults.take("text", MessageText::parse(text))?;
    Some(Content { text, sender: None, template: None, variables: None })
}

fn filled(
    name: &str,
    template: Option<&Variant>,
    vars: Map<String, Value>,
    lane: Lane,
    faults: &mut Faults,
) -> Option<Content> {
    let Some(template) = template else {
        let shown: String = name.chars().take(64).collect();
        faults.note("template", format_args!("there is no template {shown:?}"));
        return None;
    };
    if template.lane != lane {
        faults.note("template", format_args!("is for the lane {}, not {lane}", template.lane));
        return None;
    }
    faults.take("vars", fields::vars(&vars))?;
    let text = match template.fill(&vars) {
        Ok(text) => text,
        Err(error) => {
            let field = error.variable().map_or_else(|| "vars".to_owned(), |name| format!("vars.{name}"));
            faults.note(&field, error);
            return None;
        }
    };
    let text = faults.take("vars", MessageText::parse(text))?;
    Some(Content {
        text,
        sender: template.sender.clone(),
        template: Some(template.key.to_string()),
        variables: Some(Value::Object(vars)),
    })
}

fn due(send_at: Option<&str>, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, String> {
    let Some(text) = send_at else { return Ok(None) };
    let wanted = time(text)?;
    if wanted < now - PAST_TOLERANCE {
        Err("lies in the past".to_owned())
    } else if wanted > now + FURTHEST {
        Err(format!("lies more than {} days ahead", FURTHEST.num_days()))
    } else {
        Ok(Some(wanted).filter(|wanted| *wanted > now))
    }
}

/// A moment as requests write it.
pub(crate) fn time(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .map_err(|_| "must be a time as RFC 3339 writes it, such as 2030-01-31T18:00:00Z".to_owned())
}

fn lifetime(expires_in: Option<i64>, lane: Lane) -> Result<Duration, String> {
    match expires_in {
        None => Ok(lane.lifetime()),
        Some(seconds @ SHORTEST_LIFETIME..=LONGEST_LIFETIME) => {
            Ok(Duration::from_secs(seconds.unsigned_abs()))
        }
        Some(_) => Err(format!("must be {SHORTEST_LIFETIME} to {LONGEST_LIFETIME} seconds")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000, 0).expect("a time")
    }

    fn origin() -> Origin<'static> {
        Origin { lane: Lane::Transactional, key: ApiKeyId(1), batch: None, trace: None, now: now() }
    }

    fn request(json: Value) -> SendRequest {
        serde_json::from_value(json).expect("a request")
    }

    fn faults(json: Value) -> Vec<String> {
        match check(request(json), None, &Reach::default(), origin()) {
            Err(Refusal::Fields(errors)) => errors.into_iter().map(|error| error.field).collect(),
            other => panic!("not refused by field: {other:?}"),
        }
    }

    fn accepted(json: Value) -> NewMessage {
        check(request(json), None, &Reach::default(), origin()).expect("accepted")
    }

    #[test]
    fn any_common_spelling_comes_out_as_e164() {
        let message = accepted(serde_json::json!({"to": "+41 79 123 45 67", "text": "hi"}));
        assert_eq!(message.to, "+41791234567");
        assert_eq!(message.expires_at, now() + Lane::Transactional.lifetime());
    }

    #[test]
    fn all_faults_are_named_at_once() {
        let named = faults(serde_json::json!({
            "to": "12", "text": "a\u{0}b", "user_id": "", "provider_hint": "No Such", "send_at": "tomorrow",
            "expires_in": 0,
        }));
        assert_eq!(named, ["to", "send_at", "expires_in", "user_id", "provider_hint", "text"]);
    }

    #[test]
    fn either_text_or_template_must_be_given() {
        assert_eq!(faults(serde_json::json!({"to": "+41791234567"})), ["text"]);
        assert_eq!(
            faults(serde_json::json!({"to": "+41791234567", "text": "a", "template": "b"})),
            ["template"]
        );
        assert_eq!(faults(serde_json::json!({"to": "+41791234567", "template": "nope"})), ["template"]);
        assert_eq!(faults(serde_json::json!({"to": "+41791234567", "text": "a", "vars": {}})), ["vars"]);
    }

    #[test]
    fn a_time_just_past_means_now_and_one_far_off_is_refused() {
        let at = |seconds: i64| (now() + TimeDelta::seconds(seconds)).to_rfc3339();
        assert_eq!(due(Some(&at(-59)), now()), Ok(None));
        assert!(due(Some(&at(-61)), now()).is_err());
        assert_eq!(due(Some(&at(60)), now()), Ok(Some(now() + TimeDelta::seconds(60))));
        assert!(due(Some(&at(30 * 86400)), now()).is_ok());
        assert!(due(Some(&at(30 * 86400 + 1)), now()).is_err());
    }

    #[test]
    fn a_guarded_message_cannot_be_planned_ahead() {
        let planned = |guarded: bool, seconds| {
            let at = now() + TimeDelta::seconds(seconds);
            serde_json::json!({"to": "+41791234567", "text": "a", "guarded": guarded, "send_at": at.to_rfc3339()})
        };
        assert_eq!(faults(planned(true, 60)), ["guarded"]);
        assert_eq!(accepted(planned(true, 0)).due_at, None);
        assert!(accepted(planned(false, 60)).due_at.is_some());
    }

    #[test]
    fn a_planned_message_lives_from_its_time_on() {
        let at = now() + TimeDelta::hours(1);
        let message = accepted(
            serde_json::json!({"to": "+41791234567", "text": "a", "send_at": at.to_rfc3339(), "expires_in": 60}),
        );
        assert_eq!(message.due_at, Some(at));
        assert_eq!(message.expires_at, at + TimeDelta::seconds(60));
    }
}
