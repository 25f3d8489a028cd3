//! What a country asks of the texts that its people get, as data: hours for promo, kinds of senders, India's registry
//! (DLT). Pure: no clock, no I/O. Nothing is asked before an operator enables a country's rules.
//!
//! - [`CountryRules::opens_at`]: when promo may leave for a country and zone.
//! - [`CountryRules::refuses`]: whether a message may leave at all, and else which rule in which version forbids it.
//!
//! Codes are exempt from hours, since somebody waits for them, but not from the rest.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::lane::Lane;
use crate::phone::{PhoneNumber, Region};
use crate::quiet_hours::{Hours, Opening};
use crate::store::templates::VendorsOwn;
use crate::time_zone;

mod breach;
mod dlt;
mod sender;

pub use breach::{Breach, Rule};
pub use dlt::{MAX_VARIABLE_CHARS, Registered, VARIABLE};
pub use sender::{SenderType, UnknownSenderType};

/// What one country asks, in one version of its rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Whose rules.
    pub country: Region,
    /// Each change makes the next one.
    pub version: i32,
    /// When promo may arrive, by the reader's clock; `None` for always.
    pub promo_hours: Option<Hours>,
    /// From whom messages may come; `None` for anybody.
    pub senders: Option<Vec<SenderType>>,
    /// Whether business, header and text must be those of India's registry.
    pub dlt: bool,
}

/// The rules of all countries that have some enabled, and the texts that are registered.
#[derive(Clone, Debug, PartialEq)]
pub struct CountryRules {
    countries: HashMap<Region, Rules>,
    /// By template key, as the outbox keeps it.
    registered: HashMap<String, Registered>,
}

/// How a message is going to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// No provider is chosen yet: only what none of them could make right is refused.
    Undecided,
    /// As we wrote it, from the sender that was asked about.
    Ours,
    /// As a text that is registered with its provider, header included: the provider answers for both.
    Vendors,
}

/// What rules need to know of a message.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The country of its number.
    pub country: Option<Region>,
    /// Its lane.
    pub lane: Lane,
    /// Whom it comes from, if that is known.
    pub sender: Option<&'a str>,
    /// Its template's key, as the outbox keeps it.
    pub template: Option<&'a str>,
    /// Its text, if it may be looked at.
    pub text: Option<&'a str>,
    /// Who sends it, and how.
    pub sending: Sending,
}

impl CountryRules {
    /// Rules in force; `None` if there are none, so that whoever checks messages need not look further.
    pub fn new(
        rules: impl IntoIterator<Item = Rules>,
        registered: HashMap<String, Registered>,
    ) -> Option<Self> {
        let countries: HashMap<_, _> = rules.into_iter().map(|rules| (rules.country, rules)).collect();
        (!countries.is_empty()).then_some(Self { countries, registered })
    }

    /// Whether promo may leave at `now` for people of `country` whose clocks show the time of `zone`, else from when on.
    /// Of an unknown zone (`None`) all zones of the country must be open.
    pub fn opens_at(&self, country: Region, zone: Option<Tz>, now: DateTime<Utc>) -> Opening {
        match &zone {
            Some(zone) => self.opens_within(country, std::slice::from_ref(zone), now),
            None => self.opens_within(country, time_zone::zones_of(country), now),
        }
    }

    /// As [`opens_at`](Self::opens_at), for the owner of a number of `country`.
    pub fn opens_for(&self, to: &PhoneNumber, country: Option<Region>, now: DateTime<Utc>) -> Opening {
        match country {
            Some(country) => self.opens_within(country, time_zone::zones_within(to, Some(country)), now),
            None => Opening::Open,
        }
    }

    fn opens_within(&self, country: Region, zones: &[Tz], now: DateTime<Utc>) -> Opening {
        match self.countries.get(&country).and_then(|rules| rules.promo_hours) {
            Some(hours) => hours.opening(zones, now),
            None => Opening::Open,
        }
    }

    /// The breach of a promo whose country is never open ([`Opening::Never`]).
    pub fn never_open(&self, country: Option<Region>) -> Option<Breach> {
        self.countries.get(&country?).map(|rules| rules.breach(Rule::PromoHours))
    }

    /// The rule that forbids a message, whatever the hour; `None` if none does.
    pub fn refuses(&self, asked: &Asked<'_>) -> Option<Breach> {
        let rules = self.countries.get(&asked.country?)?;
        let broken = rules.forbids_sender(asked).or_else(|| {
            let is_ours = rules.dlt && !self.is_vendors(asked);
            is_ours.then(|| dlt::broken(asked, self.registered_as(asked))).flatten()
        });
        broken.map(|rule| rules.breach(rule))
    }

    fn registered_as(&self, asked: &Asked<'_>) -> Option<&Registered> {
        self.registered.get(asked.template?)
    }

    /// Whether the text is registered with a provider, or may be, as long as none is chosen: of codes some providers send a
    /// text of their own.
    fn is_vendors(&self, asked: &Asked<'_>) -> bool {
        match asked.sending {
            Sending::Vendors => true,
            Sending::Ours => false,
            Sending::Undecided => {
                asked.lane == Lane::Otp
                    || asked.template.is_some_and(|key| VendorsOwn::parse(key).is_some())
                    || self.registered_as(asked).is_some_and(|registered| registered.with_vendors)
            }
        }
    }
}

impl Rules {
    fn breach(&self, rule: Rule) -> Breach {
        Breach { country: self.country, version: self.version, rule }
    }

    fn forbids_sender(&self, asked: &Asked<'_>) -> Option<Rule> {
        let (allowed, sender) = self.senders.as_ref().zip(asked.sender)?;
        (!allowed.contains(&SenderType::of(sender))).then_some(Rule::SenderType)
    }
}
