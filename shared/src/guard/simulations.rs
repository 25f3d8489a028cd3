//! Attacks and honest days against the guard, with time made up: what fakes cost, and how many people are turned away.
//!
//! The bars are those of docs/guard.md: at most 20 fakes a prefix and 200 a country in the first hour, and fewer than one
//! honest start in a thousand withheld.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};

use chrono::DateTime;

use super::{Ask, Counts, DAY, HOUR, Kind, Mode, Outcome, Place, Rates, Rule, Settings, State, Watched};

mod attacks;
mod honest;
mod outages;

/// A Monday, 00:00 UTC.
const BEGIN: i64 = 1_795_392_000;

/// A code that will be typed in: when, where it went (prefix, suffix, country), by whose address, and when it was sent.
type Coming = (i64, String, u16, String, Option<u32>, i64);

/// A code that no provider takes is given up when its life is over.
const GIVEN_UP_AFTER: i64 = 300;

/// A gateway that enforces, and whom it has sent codes to.
struct World {
    settings: Settings,
    rates: Rates,
    rates_at: i64,
    prefixes: HashMap<String, State>,
    ips: HashMap<u32, State>,
    countries: HashMap<String, State>,
    known: HashSet<(String, u16)>,
    /// Codes that will be typed in, the next first.
    coming: BinaryHeap<Reverse<Coming>>,
    /// While no provider takes any.
    outage: std::ops::Range<i64>,
    /// Codes that will be given up, the next first.
    failing: BinaryHeap<Reverse<Coming>>,
    /// Codes sent that nobody types in, by prefix and by country, of the first hour and of all time.
    fakes: BTreeMap<String, [u32; 2]>,
    fakes_of_country: BTreeMap<String, [u32; 2]>,
    starts: u32,
    refused: BTreeMap<Rule, u32>,
}

impl World {
    fn new() -> Self {
        Self {
            settings: Settings { mode: Mode::Enforce, ..Settings::default() },
            rates: Rates::default(),
            rates_at: BEGIN,
            prefixes: HashMap::new(),
            ips: HashMap::new(),
            countries: HashMap::new(),
            known: HashSet::new(),
            coming: BinaryHeap::new(),
            outage: 0..0,
            failing: BinaryHeap::new(),
            fakes: BTreeMap::new(),
            fakes_of_country: BTreeMap::new(),
            starts: 0,
            refused: BTreeMap::new(),
        }
    }

    /// Somebody asks for a code, which is typed in `answers_after` seconds if at all. Whether it was sent.
    fn start(&mut self, now: i64, place: &Place, ip: Option<u32>, answers_after: Option<i64>) -> bool {
        self.come_back(now);
        self.give_up(now);
        self.look_at_rates(now);
        self.starts += 1;
        let ask = Ask {
            place,
            is_known: self.known.contains(&(place.prefix.clone(), place.suffix)),
            is_challenged: false,
            is_resend: false,
            is_over_cap: false,
            is_unmeasured: false,
            now: DateTime::from_timestamp(now, 0).expect("a time"),
        };
        let settings = self.settings.clone();
        let decision = super::judge(&settings, &self.rates.clone(), self.watched(place, ip, now), &ask);
        if !decision.is_sent() {
            *self.refused.entry(decision.rule).or_default() += 1;
            return false;
        }
        assert_eq!(decision.outcome(), Outcome::Allow);
        let at = |when| Reverse((when, place.prefix.clone(), place.suffix, place.country.clone(), ip, now));
        match answers_after {
            _ if self.outage.contains(&now) && ask.is_known => (),
            _ if self.outage.contains(&now) => self.failing.push(at(now + GIVEN_UP_AFTER)),
            Some(after) => self.coming.push(at(now + after)),
            // Limits for each phone are for those.
            None if ask.is_known => (),
            None => self.note_fake(place, now),
        }
        true
    }

    fn note_fake(&mut self, place: &Place, now: i64) {
        let of_prefix = self.fakes.entry(place.prefix.clone()).or_default();
        let of_country = self.fakes_of_country.entry(place.country.clone()).or_default();
        for counts in [of_prefix, of_country] {
            counts[0] += u32::from(now < BEGIN + HOUR);
            counts[1] += 1;
        }
    }

    fn watched(&mut self, place: &Place, ip: Option<u32>, now: i64) -> Watched<'_> {
        let settings = &self.settings;
        let new = |kind| State::new(kind, settings, now);
        if !self.prefixes.contains_key(&place.prefix) {
            self.prefixes.insert(place.prefix.clone(), new(Kind::Prefix));
        }
        if !self.countries.contains_key(&place.country) {
            self.countries.insert(place.country.clone(), new(Kind::Country));
        }
        Watched {
            prefix: self.prefixes.get_mut(&place.prefix).expect("just made"),
            ip: ip.map(|ip| self.ips.entry(ip).or_insert_with(|| new(Kind::Ip))),
            country: self.countries.get_mut(&place.country).expect("just made"),
        }
    }

    /// Codes are typed in until `now`.
    fn come_back(&mut self, now: i64) {
        while self.coming.peek().is_some_and(|Reverse((at, ..))| *at <= now) {
            let Some(Reverse((at, prefix, suffix, country, ip, sent_at))) = self.coming.pop() else { return };
            let place = Place { prefix, suffix, country };
            let is_first = self.known.insert((place.prefix.clone(), place.suffix));
            if !is_first {
                continue;
            }
            let (settings, rates) = (self.settings.clone(), self.rates.clone());
            let at_time = |at| DateTime::from_timestamp(at, 0).expect("a time");
            let watched = self.watched(&place, ip, at);
            super::convert(&settings, &rates, watched, &place, at_time(sent_at), at_time(at));
        }
    }

    /// Codes that no provider took are given up until `now`.
    fn give_up(&mut self, now: i64) {
        while self.failing.peek().is_some_and(|Reverse((at, ..))| *at <= now) {
            let Some(Reverse((at, prefix, suffix, country, ip, sent_at))) = self.failing.pop() else {
                return;
            };
            let place = Place { prefix, suffix, country };
            let settings = self.settings.clone();
            let at_time = |at| DateTime::from_timestamp(at, 0).expect("a time");
            let watched = self.watched(&place, ip, at);
            super::take_back(&settings, watched, &place, false, at_time(sent_at), at_time(at));
        }
    }

    /// Once an hour, the shares of the week.
    fn look_at_rates(&mut self, now: i64) {
        if now < self.rates_at {
            return;
        }
        self.rates_at = now + HOUR;
        let of = |(name, state): (&String, &State)| (name.clone(), state.traffic.matured(now, 7 * DAY));
        self.rates = Rates::of(self.countries.iter().map(of));
    }

    fn most_fakes(&self, of: &BTreeMap<String, [u32; 2]>) -> [u32; 2] {
        let most = |place: usize| of.values().map(|counts| counts[place]).max().unwrap_or_default();
        [most(0), most(1)]
    }

    /// Fakes of the first hour are within the bars.
    fn assert_bars(&self, what: &str) {
        let (prefix, country) = (self.most_fakes(&self.fakes), self.most_fakes(&self.fakes_of_country));
        println!("{what}: fakes {prefix:?} a prefix, {country:?} a country, refused {:?}", self.refused);
        assert!(prefix[0] <= 20, "{what}: {prefix:?} fakes in one prefix");
        assert!(country[0] <= 200, "{what}: {country:?} fakes in one country");
    }

    fn share_refused(&self) -> f64 {
        f64::from(self.refused.values().sum::<u32>()) / f64::from(self.starts)
    }
}

fn place(country: &str, prefix: u32, suffix: u16) -> Place {
    Place { prefix: format!("+99{prefix}"), suffix, country: country.to_owned() }
}

/// The share of all codes of `country` that came back.
fn share_of(world: &World, country: &str, now: i64) -> Counts {
    world.countries[country].traffic.all(now, 8 * DAY)
}
