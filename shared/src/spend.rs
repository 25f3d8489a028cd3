//! What campaigns may still spend, and what they do. Pure: the caller brings the caps and carries the sums away.
//!
//! Currencies are never added up: a cap counts what is spent in its own. What has no known price costs nothing and is
//! counted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cost::Price;
use crate::money::{Amount, Currency};
use crate::phone::Region;

mod settings;

pub use settings::{InvalidCapName, InvalidThresholds, MAX_THRESHOLDS, check_cap_name, thresholds};

/// What the limit of a campaign's own is called among caps; none that is set may have this name.
pub const BUDGET: &str = "budget";
/// Shares in percent that are told of, unless a cap says otherwise.
pub const USUAL_THRESHOLDS: [i16; 3] = [50, 80, 100];

/// What a cap counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum CapScope {
    /// One campaign, over all its days.
    Campaign,
    /// All campaigns of a day in UTC.
    Day,
    /// All campaigns of a day to one country.
    Country,
    /// All codes of a day in UTC.
    CodesDay,
    /// All codes of an hour.
    CodesHour,
    /// All codes of a day to one country.
    CodesCountry,
}

impl CapScope {
    /// The word used in tables and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Campaign => "campaign",
            Self::Day => "day",
            Self::Country => "country",
            Self::CodesDay => "codes_day",
            Self::CodesHour => "codes_hour",
            Self::CodesCountry => "codes_country",
        }
    }

    /// Whether it counts codes; the others count campaigns.
    pub const fn is_of_codes(self) -> bool {
        match self {
            Self::Campaign | Self::Day | Self::Country => false,
            Self::CodesDay | Self::CodesHour | Self::CodesCountry => true,
        }
    }

    /// Whether it counts one country alone.
    pub const fn is_of_country(self) -> bool {
        match self {
            Self::Country | Self::CodesCountry => true,
            Self::Campaign | Self::Day | Self::CodesDay | Self::CodesHour => false,
        }
    }
}

/// What leaves nothing for a campaign's next message. Of several, the first in this order is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// The limit of its own.
    Budget,
    /// A cap of each campaign.
    Campaign,
    /// A cap of the day.
    Day,
    /// A cap of the day in one country.
    Country,
}

impl Stop {
    /// Whether a campaign that shows this reason goes on only when somebody resumes it. A country's cap is not for the
    /// other countries, whose hours may be still to come.
    pub fn waits_for_owner(reason: &str) -> bool {
        [Self::Budget, Self::Campaign, Self::Day].iter().any(|stop| stop.reason() == reason)
    }

    /// The reason that a campaign shows which it stops.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Budget => BUDGET,
            Self::Campaign => "spend_cap_campaign",
            Self::Day => "spend_cap_day",
            Self::Country => "spend_cap_country",
        }
    }
}

/// A limit, and how much of it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cap {
    /// What it is called.
    pub name: String,
    /// What it counts.
    pub scope: CapScope,
    /// Which country, if it counts one.
    pub country: Option<Region>,
    /// How much may be spent.
    pub limit: Amount,
    /// Of what.
    pub currency: Currency,
    /// Shares in percent that are told of.
    pub thresholds: Vec<i16>,
    /// How much is.
    pub spent: Amount,
}

impl Cap {
    fn counts(&self, country: Option<Region>, currency: Currency) -> bool {
        self.currency == currency && (self.country.is_none() || self.country == country)
    }

    fn left(&self) -> u128 {
        self.limit.micros().saturating_sub(self.spent.micros())
    }

    fn stop(&self) -> Stop {
        match self.scope {
            CapScope::Campaign if self.name == BUDGET => Stop::Budget,
            CapScope::Campaign => Stop::Campaign,
            CapScope::Day | CapScope::CodesDay | CapScope::CodesHour => Stop::Day,
            CapScope::Country | CapScope::CodesCountry => Stop::Country,
        }
    }

    fn has_reached(&self, threshold: i16) -> bool {
        self.spent.times(100) >= self.limit.times(u64::from(threshold.unsigned_abs()))
    }
}

/// What is spent in one country and currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sum {
    /// Where; `None` for numbers of no country.
    pub country: Option<Region>,
    /// Of what; `None` for what has no known price.
    pub currency: Option<Currency>,
    /// How much.
    pub cost: Amount,
    /// For so many segments.
    pub segments: u64,
}

/// Caps that hold for a campaign, and what it spends under them in one transaction.
#[derive(Debug, Default)]
pub struct Purse {
    caps: Vec<Cap>,
    /// Those for which not even the next message is left.
    exhausted: Vec<bool>,
    sums: BTreeMap<(Option<Region>, Option<Currency>), Sum>,
}

impl Purse {
    /// A purse under `caps`.
    pub fn new(caps: Vec<Cap>) -> Self {
        Self { exhausted: vec![false; caps.len()], caps, sums: BTreeMap::new() }
    }

    /// How many messages can be paid for if each has one segment; the most there is if nothing bounds them.
    pub fn affords(&self, country: Option<Region>, price: Option<Price>) -> u64 {
        let Some(Price { price, currency }) = price.filter(|price| price.price > Amount::ZERO) else {
            return u64::MAX;
        };
        let counting = self.caps.iter().filter(|cap| cap.counts(country, currency));
        let affordable = counting.map(|cap| cap.left() / price.micros()).min();
        affordable.and_then(|messages| u64::try_from(messages).ok()).unwrap_or(u64::MAX)
    }

    /// How many of the next messages, with so many segments each, can be paid for, in their order; and what stops the
    /// first, if it does.
    pub fn fits(
        &mut self,
        country: Option<Region>,
        price: Option<Price>,
        segments: impl IntoIterator<Item = u64>,
    ) -> (usize, Option<Stop>) {
        let mut segments = segments.into_iter().peekable();
        let Some(Price { price, currency }) = price else { return (segments.count(), None) };
        let Some(&first) = segments.peek() else { return (0, None) };
        let counting = self.caps.iter().enumerate().filter(|(_, cap)| cap.counts(country, currency));
        let mut stop: Option<Stop> = None;
        let mut left = u128::MAX;
        for (at, cap) in counting {
            if price.times(first).micros() > cap.left() {
                self.exhausted[at] = true;
                stop = stop.into_iter().chain([cap.stop()]).min();
            }
            left = left.min(cap.left());
        }
        let fitting = segments.scan(0_u64, |sum, each| {
            *sum = sum.saturating_add(each);
            Some(*sum)
        });
        (fitting.take_while(|&sum| price.times(sum).micros() <= left).count(), stop)
    }

    /// Spends what messages with so many segments together cost.
    pub fn spend(&mut self, country: Option<Region>, price: Option<Price>, segments: u64) {
        if segments == 0 {
            return;
        }
        let cost = price.map_or(Amount::ZERO, |price| price.price.times(segments));
        let currency = price.map(|price| price.currency);
        let none = Sum { country, currency, cost: Amount::ZERO, segments: 0 };
        let sum = self.sums.entry((country, currency)).or_insert(none);
        sum.cost = sum.cost + cost;
        sum.segments = sum.segments.saturating_add(segments);
        for cap in &mut self.caps {
            if currency.is_some_and(|currency| cap.counts(country, currency)) {
                cap.spent = cap.spent + cost;
            }
        }
    }

    /// What was spent, by country and currency.
    pub fn sums(&self) -> Vec<Sum> {
        self.sums.values().copied().collect()
    }

    /// The caps and those of their thresholds that are reached. A cap that has not enough left for the next message is
    /// used up, even if a little is left of it.
    pub fn reached(&self) -> Vec<(&Cap, i16)> {
        let mut reached = Vec::new();
        for (cap, &is_exhausted) in self.caps.iter().zip(&self.exhausted) {
            let thresholds = cap.thresholds.iter().copied();
            let so_far = thresholds.filter(|&threshold| is_exhausted || cap.has_reached(threshold));
            reached.extend(so_far.map(|threshold| (cap, threshold)));
        }
        reached
    }
}

#[cfg(test)]
mod tests;
