//! What bounds a batch beside its throttle: its money, and how often one person may be texted. Both are counted in the
//! transaction that makes its messages.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chrono::{DateTime, NaiveDate, Utc};
use shared::cost::{Price, Prices};
use shared::lane::Lane;
use shared::message::NewMessage;
use shared::phone::Region;
use shared::provider::catalogue::first_tried;
use shared::spend::{Purse, Stop, Sum};
use shared::store::campaigns::Campaign;
use shared::store::campaigns::feed::{Batch, Next, WaitingPlace};
use shared::store::frequency_cap::{self, FrequencyCap};
use shared::store::spend_alerts::{self, NewlyReached};
use shared::store::{prices, spend, spend_caps};
use sqlx::PgConnection;

use super::Feeder;

/// The limits of one transaction, and what it has used of them.
#[derive(Debug)]
pub(super) struct Limits {
    day: NaiveDate,
    purse: Purse,
    /// Of one segment, by the provider tried first, where it is known.
    prices: BTreeMap<Region, Price>,
    /// How often one person may be texted, if that is bounded.
    frequency: Option<FrequencyCap>,
    /// What leaves nothing for a place's next message; of several the first of their order.
    stop: Option<Stop>,
}

/// What was spent, and the thresholds that nobody had reached before: told once it is committed.
#[derive(Debug)]
pub(crate) struct Receipt {
    pub(crate) sums: Vec<Sum>,
    pub(crate) reached: Vec<NewlyReached>,
}

impl Feeder {
    /// Reads the limits of a campaign that is held, for what it sends to `places`. Until the transaction ends, nobody else
    /// spends under a cap.
    pub(super) async fn limits(
        &self,
        db: &mut PgConnection,
        campaign: &Campaign,
        places: &[WaitingPlace],
        now: DateTime<Utc>,
    ) -> sqlx::Result<Limits> {
        let day = spend::day_of(now);
        let firsts = self.first_providers(campaign, places);
        let wanted: BTreeSet<_> = firsts.iter().map(|(country, name)| (name.clone(), *country)).collect();
        let known = prices::list_of(&mut *db, &wanted).await?;
        let purse = spend_caps::open_purse(&mut *db, campaign, day).await?;
        let frequency = match campaign.lane {
            Lane::Promo => frequency_cap::find(db).await?,
            Lane::Otp | Lane::Transactional => None,
        };
        Ok(Limits { day, purse, prices: by_country(firsts, &known), frequency, stop: None })
    }

    /// Who is tried first in each country. Numbers of no country have no price.
    fn first_providers(&self, campaign: &Campaign, places: &[WaitingPlace]) -> BTreeMap<Region, String> {
        let loaded = self.roster.load();
        let hint = campaign.provider_hint.as_deref();
        let countries: BTreeSet<Region> = places.iter().filter_map(|place| place.at.country).collect();
        let first = |country: Region| {
            let settings = loaded.entries.iter().map(|entry| &entry.settings);
            let first = first_tried(settings, hint, campaign.lane, Some(country))?;
            Some((country, first.name.clone()))
        };
        countries.into_iter().filter_map(first).collect()
    }
}

fn by_country(firsts: BTreeMap<Region, String>, known: &Prices) -> BTreeMap<Region, Price> {
    let price = |(country, name): (Region, String)| Some((country, *known.get(&(name, country))?));
    firsts.into_iter().filter_map(price).collect()
}

impl Limits {
    fn price(&self, country: Option<Region>) -> Option<Price> {
        self.prices.get(&country?).copied()
    }

    /// How many recipients need be looked at, of those that may have their turn: one more than can be paid for, since the
    /// first who cannot is who stops the others.
    pub(super) fn look(&self, country: Option<Region>, most: i64) -> i64 {
        let affordable = self.purse.affords(country, self.price(country));
        i64::try_from(affordable).map_or(most, |affordable| affordable.saturating_add(1).min(most))
    }

    /// How many of the next recipients can be paid for, in their order.
    pub(super) fn fitting(&mut self, country: Option<Region>, next: &[Next]) -> usize {
        let segments = next.iter().map(|one| u64::from(one.segments.unsigned_abs()));
        let (fitting, stop) = self.purse.fits(country, self.price(country), segments);
        self.stop = self.stop.into_iter().chain(stop).min();
        fitting
    }

    /// What stops the campaign for want of money, once nobody else could be texted.
    pub(super) fn stop(&self) -> Option<Stop> {
        self.stop
    }

    /// Leaves out those who have had all the promo that they may get.
    pub(super) async fn leave_out_frequent(
        &self,
        db: &mut PgConnection,
        campaign: &Campaign,
        batch: &mut Batch,
    ) -> sqlx::Result<()> {
        let Some(cap) = &self.frequency else { return Ok(()) };
        let phones: Vec<&str> = batch.messages.iter().map(|message| message.to.as_str()).collect();
        let full = frequency_cap::count_people(db, cap, campaign.dedupe_key.as_deref(), &phones).await?;
        let full: HashSet<String> = full.into_iter().collect();
        let is_full = |message: &NewMessage| full.contains(&message.to);
        let (left_out, messages): (Vec<_>, Vec<_>) = batch.messages.drain(..).partition(is_full);
        batch.messages = messages;
        batch.suppressed.extend(left_out.into_iter().map(|message| (message, "frequency_cap")));
        Ok(())
    }

    /// Spends what the messages of a batch cost.
    pub(super) fn spend(&mut self, batch: &Batch) {
        let country = batch.place.at.country;
        let segments = batch.messages.iter().map(|message| u64::from(message.segments.unsigned_abs()));
        self.purse.spend(country, self.price(country), segments.sum());
    }

    /// Writes down what was spent and what was reached.
    pub(super) async fn close(self, db: &mut PgConnection, campaign: &Campaign) -> sqlx::Result<Receipt> {
        let (sums, reached) = (self.purse.sums(), self.purse.reached());
        if !sums.is_empty() {
            spend::record(&mut *db, campaign.id, self.day, &sums).await?;
        }
        let reached = match reached.as_slice() {
            [] => Vec::new(),
            reached => spend_alerts::note(&mut *db, campaign.id, self.day, reached).await?,
        };
        Ok(Receipt { sums, reached })
    }
}
