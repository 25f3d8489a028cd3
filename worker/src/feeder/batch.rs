//! One batch: the next recipients of a campaign become messages.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use serde_json::{Map, Value};
use shared::campaign::{CampaignText, Links};
use shared::ids::{CampaignId, MessageId};
use shared::message::{Body, NewMessage};
use shared::phone::PhoneNumber;
use shared::store::campaigns::feed::{self, Batch, Next, Running, WaitingPlace};
use shared::store::campaigns::{Campaign, Dedupe};
use shared::text::MessageText;
use sqlx::{Connection, PgConnection};

use super::Feeder;

/// Most messages made in one transaction.
const LARGEST: i64 = 5000;
/// With a throttle, messages are made until they are due this much later.
const HORIZON: TimeDelta = TimeDelta::seconds(2);

/// When the messages of a batch are due.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Timing {
    /// As soon as they can leave.
    AtOnce,
    /// One after the other.
    Spaced {
        /// The first.
        from: DateTime<Utc>,
        /// Each after the one before.
        per_second: i32,
    },
}

impl Timing {
    /// The timing of a campaign at `now`, and how many messages that allows. The caller holds it.
    async fn of(db: &mut PgConnection, campaign: &Campaign, now: DateTime<Utc>) -> sqlx::Result<(Self, i64)> {
        let Some(per_second) = campaign.max_per_second else { return Ok((Self::AtOnce, i64::MAX)) };
        // What a pause kept back is not made up for: the throttle is a promise to somebody.
        let from = feed::read_throttle(db, campaign.id).await?.map_or(now, |until| until.max(now));
        let room = (now + HORIZON - from).num_milliseconds().max(0);
        Ok((Self::Spaced { from, per_second }, room * i64::from(per_second) / 1000))
    }

    /// When the message `at`, counted from 0, is due.
    fn due(self, at: i64) -> Option<DateTime<Utc>> {
        match self {
            Self::AtOnce => None,
            Self::Spaced { from, per_second } => {
                Some(from + TimeDelta::nanoseconds(at * 1_000_000_000 / i64::from(per_second)))
            }
        }
    }
}

/// What of a campaign was fed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fed {
    /// All there is to feed now.
    #[default]
    All,
    /// So much that there may be more.
    Part,
    /// Nothing: nobody whose turn it is may be texted at this hour.
    Closed,
}

impl Feeder {
    /// Makes up to `allowed` messages of a campaign, or ends it if it is over.
    pub(super) async fn feed(
        &self,
        db: &mut PgConnection,
        texts: &mut HashMap<CampaignId, CampaignText>,
        one: &Running,
        allowed: i64,
    ) -> sqlx::Result<Fed> {
        if allowed == 0 && !one.is_over && one.under_way > 0 {
            return Ok(Fed::All);
        }
        let mut tx = db.begin().await?;
        let Some(campaign) = feed::hold_running(&mut *tx, one.id).await? else { return Ok(Fed::All) };
        let now = self.clock.now();
        let places = feed::list_waiting_places(&mut *tx, one.id).await?;
        if campaign.expires_at.is_some_and(|expires_at| expires_at <= now) {
            if one.under_way == 0 {
                feed::finish(&mut *tx, one.id, (!places.is_empty()).then_some("expired")).await?;
            }
            tx.commit().await?;
            return Ok(Fed::All);
        }
        if places.is_empty() && one.is_over && !one.is_staged {
            feed::finish(&mut *tx, one.id, None).await?;
            tx.commit().await?;
            return Ok(Fed::All);
        }
        let text = match text_of(texts, &campaign) {
            Some(text) if !text.has_link() || self.links.public_url.is_some() => text,
            unusable => {
                let reason = if unusable.is_some() { "no_public_url" } else { "text_unusable" };
                tracing::warn!(campaign.id = %one.id, reason, "a campaign is paused: this worker cannot fill its text");
                feed::stop(&mut *tx, one.id, reason).await?;
                tx.commit().await?;
                return Ok(Fed::All);
            }
        };
        let (timing, room) = Timing::of(&mut tx, &campaign, now).await?;
        let most = allowed.min(room).min(LARGEST);
        let is_waiting = !places.is_empty();
        let open = self.open_places(&campaign, places, now);
        let is_closed = is_waiting && open.is_empty();
        feed::set_waiting(&mut *tx, &campaign, is_closed.then_some("quiet_hours")).await?;
        let mut made = 0;
        for place in open {
            if made == most {
                break;
            }
            made +=
                self.feed_place(&mut tx, &campaign, text, place, (timing, made), (now, most - made)).await?;
        }
        if let Some(until) = timing.due(made).filter(|_| made > 0) {
            feed::move_throttle(&mut *tx, one.id, until).await?;
        }
        tx.commit().await?;
        if made > 0 {
            self.wake.notify(campaign.lane);
        }
        Ok(match made {
            LARGEST => Fed::Part,
            0 if is_closed => Fed::Closed,
            _ => Fed::All,
        })
    }

    /// Makes up to `limit` messages for a place; says how many.
    async fn feed_place(
        &self,
        db: &mut PgConnection,
        campaign: &Campaign,
        text: &CampaignText,
        place: WaitingPlace,
        (timing, made): (Timing, i64),
        (now, limit): (DateTime<Utc>, i64),
    ) -> sqlx::Result<i64> {
        let next = feed::list_next(&mut *db, campaign.id, &place, limit).await?;
        let Some(last) = next.last() else { return Ok(0) };
        let (to_seq, recipients) = (last.seq, i64::try_from(next.len()).unwrap_or(i64::MAX));
        let known = texted_already(&mut *db, campaign, &next).await?;
        let fed_at = now.trunc_subsecs(3);
        let mut batch = Batch {
            place,
            to_seq,
            recipients,
            fed_at,
            messages: Vec::with_capacity(next.len()),
            suppressed: Vec::new(),
        };
        for (at, one) in (made..).zip(next) {
            let due_at = timing.due(at);
            let is_known = known.contains(&one.phone);
            match message(campaign, (text, &self.links), one, fed_at, due_at) {
                (message, _) if is_known => batch.suppressed.push((message, "duplicate")),
                (message, None) => batch.messages.push(message),
                (message, Some(reason)) => batch.suppressed.push((message, reason)),
            }
        }
        feed::feed(db, campaign.id, &batch).await?;
        Ok(recipients)
    }
}

/// The text of a campaign, compiled once.
fn text_of<'a>(
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
async fn texted_already(
    db: &mut PgConnection,
    campaign: &Campaign,
    next: &[Next],
) -> sqlx::Result<HashSet<String>> {
    let Some(Dedupe { key, window_hours }) = campaign.dedupe() else { return Ok(HashSet::new()) };
    let phones: Vec<&str> = next.iter().map(|one| one.phone.as_str()).collect();
    Ok(feed::claim_people(db, &key, window_hours, &phones).await?.into_iter().collect())
}

/// The message to a recipient, and why it cannot be sent if it cannot.
fn message(
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
