//! The roster at one moment, as a message's route sees it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};
use shared::country_rules::CountryRules;
use shared::lane::Lane;
use shared::message::OutboxMessage;
use shared::phone::Region;
use shared::provider::SharedProvider;
use shared::provider::catalogue::ProviderSettings;
use shared::routing::{Candidate, Fit};
use shared::store::templates::VendorsOwn;
use shared::template::ProviderTemplate;

use super::RELOAD;
use crate::health::Health;

/// One usable provider.
pub(crate) struct Entry {
    /// Its settings.
    pub(crate) settings: ProviderSettings,
    /// Its condition.
    pub(crate) health: Arc<Health>,
    /// One a lane.
    pub(super) adapters: [SharedProvider; 3],
}

impl Entry {
    /// Whether it takes every message of `lane`: anywhere, and without a registered template.
    fn takes_all(&self, lane: Lane) -> bool {
        self.settings.countries.is_none() && self.adapter(lane).takes_plain_text(lane)
    }

    /// The adapter that `lane` uses.
    pub(crate) fn adapter(&self, lane: Lane) -> &SharedProvider {
        &self.adapters[lane as usize]
    }

    fn serves(&self, lane: Lane) -> bool {
        self.settings.lanes.contains(&lane)
    }

    /// Whether it was stopped by an operator, or is broken.
    pub(super) fn is_out(&self) -> bool {
        self.health.is_halted() || self.health.is_broken_everywhere(Instant::now())
    }

    /// Whether it may be called now.
    pub(super) fn is_open(&self, now: DateTime<Utc>) -> bool {
        !self.is_out() && self.health.paused_until().is_none_or(|until| until <= now)
    }
}

/// The roster at one moment.
#[derive(Default)]
pub(crate) struct Loaded {
    /// It was read from the database, and is not what stands there before.
    pub(super) is_loaded: bool,
    /// Enabled providers, by priority.
    pub(crate) entries: Vec<Entry>,
    /// By template key, then provider name.
    pub(super) templates: HashMap<String, HashMap<String, ProviderTemplate>>,
    /// What countries ask; `None` as long as none has rules enabled.
    pub(crate) rules: Option<CountryRules>,
}

impl Loaded {
    /// Whether a message may be younger than the roster and use a template that is newer, too.
    pub(crate) fn may_lack_template_of(&self, message: &OutboxMessage, now: DateTime<Utc>) -> bool {
        let is_known = |key: &String| VendorsOwn::parse(key).is_some() || self.templates.contains_key(key);
        let known = message.template.as_ref().is_none_or(is_known);
        !known && now < message.id.created_at() + RELOAD * 4
    }

    /// Those that carry `lane`.
    pub(super) fn serving(&self, lane: Lane) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.serves(lane))
    }

    /// Those that can be the first of some promo, as long as they work: one that takes every promo is the last of them.
    pub(super) fn firsts_for_promo(&self) -> impl Iterator<Item = &Entry> {
        let mut all_served = false;
        self.serving(Lane::Promo).filter(|entry| !entry.is_out()).take_while(move |entry| {
            let is_wanted = !all_served;
            all_served |= entry.takes_all(Lane::Promo);
            is_wanted
        })
    }

    /// A provider's own template for a message.
    pub(crate) fn template(
        &self,
        message: &OutboxMessage,
        entry: &Entry,
    ) -> Option<Cow<'_, ProviderTemplate>> {
        let key = message.template.as_deref()?;
        match VendorsOwn::parse(key) {
            Some(VendorsOwn(name)) if entry.settings.vendor.names_templates() => {
                let names = message.variables.as_ref().and_then(|values| values.as_object());
                let variables = names.map(|names| names.keys().cloned().collect()).unwrap_or_default();
                Some(Cow::Owned(ProviderTemplate { id: name.to_owned(), variables }))
            }
            Some(_) => None,
            None => self.templates.get(key)?.get(&entry.settings.name).map(Cow::Borrowed),
        }
    }

    /// Whether a message's text is worth anything at a provider that has no template for it: a text that only stands for
    /// a provider's own template is for people who try things out.
    fn is_plain(message: &OutboxMessage, entry: &Entry) -> bool {
        let stands_for_another = message.template.as_deref().and_then(VendorsOwn::parse).is_some();
        let takes_text = entry.adapter(message.lane).takes_plain_text(message.lane);
        takes_text && (!stands_for_another || entry.settings.vendor.is_sandbox())
    }

    /// Whether `entry` would send a text of its own in place of ours: one that is registered with it, or that of the codes
    /// it carries.
    pub(crate) fn sends_vendors_text(&self, message: &OutboxMessage, entry: &Entry) -> bool {
        let has_codes_text =
            || entry.settings.vendor.names_templates() || entry.adapter(Lane::Otp).makes_codes();
        self.template(message, entry).is_some() || message.lane == Lane::Otp && has_codes_text()
    }

    /// The providers as routing sees them for one message.
    pub(crate) fn candidates<'a>(
        &'a self,
        message: &OutboxMessage,
        region: Option<Region>,
        now: DateTime<Utc>,
    ) -> Vec<Candidate<'a>> {
        let candidate = |entry: &'a Entry| Candidate {
            name: &entry.settings.name,
            fit: self.fit(entry, message, region),
            halted: entry.health.is_halted(),
            paused_until: entry.health.paused_until(),
            broken_until: entry.health.broken_for(region, Instant::now()).map(|time| now + time),
        };
        self.entries.iter().map(candidate).collect()
    }

    fn fit(&self, entry: &Entry, message: &OutboxMessage, region: Option<Region>) -> Fit {
        let reaches = match (&entry.settings.countries, region) {
            (None, _) => true,
            (Some(countries), Some(region)) => countries.contains(&region),
            (Some(_), None) => false,
        };
        if !entry.serves(message.lane) || !reaches {
            Fit::OutOfReach
        } else if Self::is_plain(message, entry) || self.template(message, entry).is_some() {
            Fit::Fits
        } else {
            Fit::NeedsTemplate
        }
    }
}
