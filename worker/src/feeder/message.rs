//! From a recipient to their message.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};
use shared::campaign::{CampaignText, Links};
use shared::ids::{CampaignId, MessageId};
use shared::message::{Body, NewMessage};
use shared::phone::PhoneNumber;
use shared::store::campaigns::feed::{self, Next};
use shared::store::campaigns::{Campaign, Dedupe};
use shared::text::MessageText;
use sqlx::PgConnection;

/// The text of a campaign, compiled once.
pub(super) fn text_of<'a>(
    texts: &'a mut HashMap<CampaignId, CampaignText>,
    campaign: &Campaign,
) -> Option<&'a CampaignText> {
    match texts.entry(campaign.id) {
        Entry::Occupied(known) => Some(known.into_mut()),
        Entry::Vacant(place) => match CampaignText::compile(&campaign.text) {
            Ok(text) => Some(place.insert(text)),
            Err(error) => {
                tracing::error!(%error, campaign.id = %campaign.id, "the text of a campaign cannot be used");
                None
            }
        },
    }
}

/// Those whom a campaign of the same key has texted not long ago.
pub(super) async fn texted_already(
    db: &mut PgConnection,
    campaign: &Campaign,
    next: &[Next],
) -> sqlx::Result<HashSet<String>> {
    let Some(Dedupe { key, window_hours }) = campaign.dedupe() else { return Ok(HashSet::new()) };
    let phones: Vec<&str> = next.iter().map(|one| one.phone.as_str()).collect();
    Ok(feed::claim_people(db, &key, window_hours, &phones).await?.into_iter().collect())
}

/// The message to a recipient, and why it cannot be sent if it cannot.
pub(super) fn message(
    campaign: &Campaign,
    (text, links): (&CampaignText, &Links),
    to: Next,
    fed_at: DateTime<Utc>,
    due_at: Option<DateTime<Utc>>,
) -> (NewMessage, Option<&'static str>) {
    let variables = match to.variables {
        Some(Value::Object(variables)) => variables,
        _ => Map::new(),
    };
    let filled = text.fill(&variables, &PhoneNumber::stored(to.phone.clone()), links);
    let unfilled = filled.is_err().then_some("text_not_filled");
    let life = TimeDelta::seconds(i64::from(campaign.message_life_seconds));
    let expires_at = due_at.unwrap_or(fed_at) + life;
    let message = NewMessage {
        id: MessageId::of_recipient(fed_at, campaign.number, to.seq),
        lane: campaign.lane,
        due_at,
        expires_at: campaign.expires_at.map_or(expires_at, |end| end.min(expires_at)),
        to: to.phone,
        body: Body::Clear(filled.map(MessageText::into_string).unwrap_or_default()),
        segments: to.segments,
        sender: campaign.sender.clone(),
        template: campaign.template.clone(),
        variables: campaign.template.as_ref().map(|_| Value::Object(variables)),
        hint: campaign.provider_hint.clone(),
        preferred: None,
        at_most_once: false,
        user_id: None,
        api_key_id: Some(campaign.api_key_id),
        session_id: None,
        batch_id: None,
        campaign_id: Some(campaign.id),
        trace: None,
    };
    (message, unfilled)
}
