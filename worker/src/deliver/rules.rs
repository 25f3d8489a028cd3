//! What the rules of the recipient's country make of a message, asked before each try.

use chrono::{DateTime, Utc};
use shared::country_rules::{Asked, Breach, CountryRules, Sending};
use shared::lane::Lane;
use shared::message::Status;
use shared::quiet_hours::Opening;
use shared::routing::{Candidate, Fit};
use shared::text::SenderId;

use super::Delivery;
use crate::ack::Verdict;
use crate::roster::{Entry, Loaded};

impl Delivery<'_> {
    /// Promo waits until its country's hours open. Providers that could only send the message against a rule are none of
    /// its candidates; if that leaves nobody, the first one's breach is its end.
    pub(super) fn obey(
        &mut self,
        rules: &CountryRules,
        loaded: &Loaded,
        candidates: &mut [Candidate<'_>],
        now: DateTime<Utc>,
    ) -> Option<Verdict> {
        let mut first_breach = None;
        // In the order of the entries, of which each is one.
        for (candidate, entry) in candidates.iter_mut().zip(&loaded.entries) {
            if candidate.fit != Fit::Fits {
                continue;
            }
            if let Some(breach) = rules.refuses(&self.asked(loaded, entry)) {
                candidate.fit = Fit::OutOfReach;
                first_breach.get_or_insert(breach);
            }
        }
        let is_left = candidates.iter().any(|candidate| candidate.fit == Fit::Fits);
        if let Some(breach) = first_breach.filter(|_| !is_left) {
            return Some(self.refuse(&breach));
        }
        if self.claim.message.lane == Lane::Promo { self.await_hours(rules, now) } else { None }
    }

    fn await_hours(&mut self, rules: &CountryRules, now: DateTime<Utc>) -> Option<Verdict> {
        match rules.opens_for(&self.to, self.region, now) {
            Opening::Open => None,
            Opening::At(opens) => Some(self.wait(opens, "quiet_hours")),
            Opening::Never => rules.never_open(self.region).map(|breach| self.refuse(&breach)),
        }
    }

    fn refuse(&mut self, breach: &Breach) -> Verdict {
        self.fail(Status::Failed, breach.reason())
    }

    fn asked<'a>(&'a self, loaded: &Loaded, entry: &'a Entry) -> Asked<'a> {
        let message = &self.claim.message;
        let own = entry.settings.sender.as_ref().map(SenderId::as_str);
        let is_vendors = loaded.sends_vendors_text(message, entry);
        Asked {
            country: self.region,
            lane: message.lane,
            sender: message.sender.as_deref().or(own),
            template: message.template.as_deref(),
            text: Some(&self.text),
            sending: if is_vendors { Sending::Vendors } else { Sending::Ours },
        }
    }
}
