//! What is remembered of a subject, and how time, sends and verifications change it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::settings::Settings;
use super::subject::Kind;
use super::traffic::{Counts, Traffic};
use super::{DAY, HOUR, LIFETIME};

/// Why and until when nothing is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// What tripped: neighbours, or the ratio.
    pub rule: HoldRule,
    /// Unix seconds.
    pub until: i64,
}

/// What blocks a subject for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HoldRule {
    /// Many numbers of one prefix at once.
    Neighbours,
    /// Too few codes come back.
    Ratio,
}

/// The first codes after a block: they decide whether it was the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// When the block ended, Unix seconds.
    pub since: i64,
    /// Codes sent since.
    pub sent: u32,
    /// When the last of them was, Unix seconds.
    pub last_at: i64,
}

/// What is remembered of a subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// What it may still send before something comes back.
    pub credits: f64,
    /// From when on time gives credits back, Unix seconds.
    pub refills_from: i64,
    /// Codes sent and verified.
    pub traffic: Traffic,
    /// Of a prefix: the last four digits of numbers that were sent codes in the last ten minutes and have verified none,
    /// and when, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recent: Vec<(u16, i64)>,
    /// A block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// What follows a block by the ratio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
    /// How many blocks by the ratio there were in a row.
    #[serde(default)]
    pub level: u32,
    /// When the last was, Unix seconds.
    #[serde(default)]
    pub tripped_at: i64,
}

/// Most credits that a subject can have.
const MOST_CREDITS: f64 = 10_000.0;
/// Time gives one back so often …
const REFILL_EVERY: i64 = 600;
/// … but not within the first hour of spending: what that costs is known beforehand.
const REFILL_AFTER: i64 = 3600;
/// How long numbers are neighbours.
const NEIGHBOURS_FOR: i64 = 600;
/// More of them are not remembered, and as good as any number.
const MOST_RECENT: usize = 64;
/// Fewer verified codes may be luck.
const KNOWN_VERIFIED: u32 = 5;
/// How near a near number is.
const NEAR: u16 = 10;

impl State {
    /// What is known of `kind` before anything was sent.
    pub fn new(kind: Kind, settings: &Settings, now: i64) -> Self {
        Self {
            credits: kind.credits(settings),
            refills_from: now + REFILL_AFTER,
            traffic: Traffic::default(),
            recent: Vec::new(),
            hold: None,
            probe: None,
            level: 0,
            tripped_at: 0,
        }
    }

    /// Lets time pass until `now`.
    pub(super) fn advance(&mut self, kind: Kind, settings: &Settings, now: i64) {
        let full = kind.credits(settings);
        if self.credits < full && now > self.refills_from {
            let refills = (now - self.refills_from) / REFILL_EVERY;
            self.credits = (self.credits + refills as f64).min(full);
            self.refills_from += refills * REFILL_EVERY;
        }
        if let Some(hold) = self.hold.filter(|hold| hold.until <= now) {
            self.hold = None;
            if hold.rule == HoldRule::Ratio {
                self.probe = Some(Probe { since: hold.until, sent: 0, last_at: hold.until });
            }
        }
        self.recent.retain(|(_, at)| *at > now - NEIGHBOURS_FOR);
    }

    /// Whether so many of its codes come back that it is neither new nor suspect, and not by luck. `least` is the share
    /// that is enough.
    pub(super) fn is_known_good(&self, least: f64, now: i64) -> bool {
        let day = self.day(now);
        day.verified >= KNOWN_VERIFIED && day.ratio() >= least && day.lower() >= least / 2.0
    }

    /// The last day, also what can still be verified.
    pub(super) fn day(&self, now: i64) -> Counts {
        self.traffic.all(now, DAY)
    }

    /// A code was sent to a country that had plenty of credits then.
    pub fn count_send(&mut self, kind: Kind, settings: &Settings, now: i64) {
        self.advance(kind, settings, now);
        self.count(kind, settings, false, now);
    }

    /// What was sent in the last seven days and can no more be verified.
    pub fn week(&self, now: DateTime<Utc>) -> Counts {
        self.traffic.matured(now.timestamp(), 7 * DAY)
    }

    /// A code is sent: it costs a credit. A repeated one, to a number that has one already, is not counted otherwise.
    pub(super) fn count(&mut self, kind: Kind, settings: &Settings, is_repeat: bool, now: i64) {
        if self.credits >= kind.credits(settings) {
            self.refills_from = now + REFILL_AFTER;
        }
        self.credits = (self.credits - 1.0).max(0.0);
        if is_repeat {
            return;
        }
        self.traffic.count(now, kind.keeps());
        if let Some(probe) = &mut self.probe {
            probe.sent += 1;
            probe.last_at = now;
        }
    }

    /// Remembers a number of the prefix.
    pub(super) fn remember(&mut self, suffix: u16, now: i64) {
        self.recent.retain(|(known, _)| *known != suffix);
        if self.recent.len() >= MOST_RECENT {
            self.recent.remove(0);
        }
        self.recent.push((suffix, now));
    }

    /// Numbers lately texted that have verified nothing, beside `suffix` itself: all, and those next to it.
    pub(super) fn neighbours(&self, suffix: u16) -> (u32, u32) {
        let others = self.recent.iter().filter(|(other, _)| *other != suffix);
        let near = others.clone().filter(|(other, _)| other.abs_diff(suffix) <= NEAR);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        (count(others.count()), count(near.count()))
    }

    /// How many neighbours are usual: the numbers of ten minutes, as the last day had them.
    pub(super) fn usual_neighbours(&self, now: i64) -> f64 {
        let tens = (self.traffic.age_of_oldest(now).min(DAY) as f64 / NEIGHBOURS_FOR as f64).max(6.0);
        f64::from(self.day(now).sent) / tens
    }

    /// A code that was sent at `sent_at` was verified. `rate` is the share that usually is, `least` that which is enough.
    ///
    /// A subject that is not known to be good gets back what the code cost and no more: else whoever verifies one code in
    /// ten could send twice as many.
    pub(super) fn convert(
        &mut self,
        kind: Kind,
        settings: &Settings,
        sent_at: i64,
        rate: f64,
        least: f64,
        now: i64,
    ) {
        self.traffic.convert(sent_at);
        let full = kind.credits(settings);
        self.credits = if self.is_known_good(least, now) {
            (self.credits + 2.0 / rate).min(self.most_credits(kind, settings, now))
        } else {
            self.credits.max((self.credits + 1.0).min(full))
        };
        if self.probe.is_some_and(|probe| sent_at >= probe.since) {
            // What led to the block is not held against it again.
            self.probe = None;
            self.traffic.clear();
        }
    }

    /// As many as it may have. A country's are six of its usual hours, or what it begins with: an attack from many numbers
    /// and addresses, which only they bound, should cost in proportion to what is sent there anyhow.
    fn most_credits(&self, kind: Kind, settings: &Settings, now: i64) -> f64 {
        const HOURS: f64 = 6.0;
        if kind != Kind::Country {
            return MOST_CREDITS;
        }
        let hours = (self.traffic.age_of_oldest(now) as f64 / HOUR as f64).clamp(1.0, 168.0);
        let an_hour = f64::from(self.traffic.all(now, 7 * DAY).sent) / hours;
        (HOURS * an_hour).clamp(kind.credits(settings), MOST_CREDITS)
    }

    /// A code that was counted at `counted_at` was never sent.
    ///
    /// Of what has no credits left nothing was taken, so nothing is given back beyond those it begins with.
    pub(super) fn take_back(
        &mut self,
        kind: Kind,
        settings: &Settings,
        is_repeat: bool,
        counted_at: i64,
        now: i64,
    ) {
        let full = kind.credits(settings);
        let most = if self.credits > full { self.most_credits(kind, settings, now) } else { full };
        self.credits = self.credits.max((self.credits + 1.0).min(most));
        if is_repeat {
            return;
        }
        self.traffic.take_back(counted_at);
        if let Some(probe) = self.probe.as_mut().filter(|probe| counted_at >= probe.since) {
            probe.sent = probe.sent.saturating_sub(1);
        }
    }

    /// Blocks after the ratio tripped: an hour, and twice as long each time, at most a day.
    pub(super) fn trip(&mut self, now: i64) -> Hold {
        const WEEK: i64 = 7 * DAY;
        self.level = if now - self.tripped_at > WEEK { 1 } else { self.level + 1 };
        self.tripped_at = now;
        self.probe = None;
        let hours = 1_i64 << (self.level - 1).min(5);
        let hold = Hold { rule: HoldRule::Ratio, until: now + (hours * 3600).min(DAY) };
        self.hold = Some(hold);
        hold
    }

    /// Whether the probe's codes are all sent, and whether all of them can no more be verified.
    pub(super) fn probed(&self, most: u32, now: i64) -> (bool, bool) {
        let spent = self.probe.filter(|probe| probe.sent >= most);
        (spent.is_some(), spent.is_some_and(|probe| probe.last_at + LIFETIME <= now))
    }

    /// An operator says that it is good: blocks end, credits are full, and the past is forgotten.
    pub fn release(&mut self, kind: Kind, settings: &Settings, now: i64) {
        *self = Self { credits: self.credits.max(kind.credits(settings)), ..Self::new(kind, settings, now) };
    }
}
