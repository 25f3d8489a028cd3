//! One batch: the next recipients of a campaign become messages.

use std::collections::HashMap;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use shared::campaign::CampaignText;
use shared::ids::CampaignId;
use shared::spend::Stop;
use shared::store::campaigns::Campaign;
use shared::store::campaigns::feed::{self, Batch, Running, WaitingPlace};
use sqlx::{Connection, PgConnection};

use super::Feeder;
use super::limits::Limits;
use super::message::{message, text_of, texted_already};

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
        if let Some(fed) = self.settled(&mut tx, texts, one, &campaign, (places.is_empty(), now)).await? {
            tx.commit().await?;
            return Ok(fed);
        }
        let Some(text) = texts.get(&campaign.id) else { return Ok(Fed::All) };
        let (timing, room) = Timing::of(&mut tx, &campaign, now).await?;
        let most = allowed.min(room).min(LARGEST);
        if most == 0 {
            return Ok(Fed::All);
        }
        let waiting = places.len();
        let open = self.open_places(&campaign, places, now);
        let mut is_closed = waiting > 0 && open.is_empty();
        let is_open_everywhere = open.len() == waiting;
        let mut limits = self.limits(&mut tx, &campaign, &open, now).await?;
        let mut made = 0;
        for place in open {
            if made == most {
                break;
            }
            let left = (&mut limits, now, most - made);
            made += self.feed_place(&mut tx, &campaign, text, place, (timing, made), left).await?;
        }
        match limits.stop().filter(|_| made == 0) {
            // What was paid for leaves first, and a country's cap is not for those whose hours have not come.
            Some(stop) if one.under_way == 0 && (is_open_everywhere || stop != Stop::Country) => {
                feed::stop(&mut *tx, one.id, stop.reason()).await?;
            }
            stop => {
                let night = is_closed.then_some("quiet_hours");
                feed::set_waiting(&mut *tx, &campaign, stop.map(Stop::reason).or(night)).await?;
                is_closed |= stop.is_some() && one.under_way == 0;
            }
        }
        if let Some(until) = timing.due(made).filter(|_| made > 0) {
            feed::move_throttle(&mut *tx, one.id, until).await?;
        }
        let receipt = limits.close(&mut tx, &campaign).await?;
        tx.commit().await?;
        self.measures.spent(&receipt);
        if made > 0 {
            self.wake.notify(campaign.lane);
        }
        Ok(match made {
            LARGEST => Fed::Part,
            0 if is_closed => Fed::Closed,
            _ => Fed::All,
        })
    }

    /// Ends or pauses a campaign that cannot go on, and says so; `None` if it can. Everybody had their turn if it
    /// `is_through`.
    async fn settled(
        &self,
        db: &mut PgConnection,
        texts: &mut HashMap<CampaignId, CampaignText>,
        one: &Running,
        campaign: &Campaign,
        (is_through, now): (bool, DateTime<Utc>),
    ) -> sqlx::Result<Option<Fed>> {
        if campaign.expires_at.is_some_and(|expires_at| expires_at <= now) {
            if one.under_way == 0 {
                feed::finish(db, one.id, (!is_through).then_some("expired")).await?;
            }
            return Ok(Some(Fed::All));
        }
        if is_through && one.is_over && !one.is_staged {
            feed::finish(db, one.id, None).await?;
            return Ok(Some(Fed::All));
        }
        let text = text_of(texts, campaign);
        if text.is_none_or(|text| text.has_link() && self.links.public_url.is_none()) {
            let reason = if text.is_some() { "no_public_url" } else { "text_unusable" };
            tracing::warn!(campaign.id = %one.id, reason, "a campaign is paused: this worker cannot fill its text");
            feed::stop(db, one.id, reason).await?;
            return Ok(Some(Fed::All));
        }
        // It was stopped already, and what was paid for is leaving: a new day's money is not for it to take.
        if let Some(reason) = campaign.reason.as_deref().filter(|reason| Stop::waits_for_owner(reason)) {
            if one.under_way == 0 {
                feed::stop(db, one.id, reason).await?;
            }
            return Ok(Some(Fed::Closed));
        }
        Ok(None)
    }

    /// Makes up to `most` messages for a place, as many as can be paid for; says how many had their turn.
    async fn feed_place(
        &self,
        db: &mut PgConnection,
        campaign: &Campaign,
        text: &CampaignText,
        place: WaitingPlace,
        (timing, made): (Timing, i64),
        (limits, now, most): (&mut Limits, DateTime<Utc>, i64),
    ) -> sqlx::Result<i64> {
        let country = place.at.country;
        let mut next = feed::list_next(&mut *db, campaign.id, &place, limits.look(country, most)).await?;
        // Before anybody is noted as texted: their turn comes when there is money.
        next.truncate(limits.fitting(country, &next));
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
        limits.leave_out_frequent(&mut *db, campaign, &mut batch).await?;
        limits.spend(&batch);
        feed::feed(db, campaign.id, &batch).await?;
        Ok(recipients)
    }
}
