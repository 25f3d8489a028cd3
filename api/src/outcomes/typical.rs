//! How long codes have taken of late, for those that are withheld.
//!
//! Not a mean: a wait that always took the same would stand out among those that vary. A withheld code takes as long as
//! one of the last did, chosen at random, and seems to have gone where that one went.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use shared::message::Status;
use shared::store::log::Outcome;

/// So many are remembered: enough to vary, few enough to be recent.
const REMEMBERED: usize = 128;
/// What is taken for usual as long as none is remembered: a vendor's answer on the open Internet.
const FIRST_GUESS: Duration = Duration::from_millis(300);

/// The last codes that somebody waited for.
#[derive(Debug, Default)]
pub(super) struct Typical(Mutex<VecDeque<Sample>>);

/// One of them.
#[derive(Clone, Debug)]
struct Sample {
    took: Duration,
    /// `None` if it had not ended by then.
    provider: Option<Gone>,
}

/// Where it went.
#[derive(Clone, Debug, Default)]
struct Gone {
    provider_name: Option<String>,
    status_code: Option<i32>,
    response_time_ms: Option<i32>,
}

impl Typical {
    /// Remembers a wait of `took`. One that was cut short says nothing.
    pub(super) fn note(&self, took: Duration, patience: Duration, outcome: Option<&Outcome>) {
        let provider = outcome.map(|outcome| Gone {
            provider_name: outcome.provider_name.clone(),
            status_code: outcome.status_code,
            response_time_ms: outcome.response_time_ms,
        });
        if provider.is_none() && (took < patience || patience.is_zero()) {
            return;
        }
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.truncate(REMEMBERED - 1);
        last.push_front(Sample { took, provider });
    }

    /// How long a code may take, and how it then ended; `None` for one that takes longer than `patience`.
    pub(super) fn pick(&self, patience: Duration) -> (Duration, Option<Outcome>) {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Of those that took too long for somebody with less patience nobody knows how long they took.
        let usable: Vec<_> =
            last.iter().filter(|one| one.provider.is_some() || one.took >= patience).collect();
        match fastrand::choice(usable) {
            None => (FIRST_GUESS, Some(sent(Gone::default()))),
            Some(Sample { took, provider }) => (*took, provider.clone().map(sent)),
        }
    }
}

fn sent(by: Gone) -> Outcome {
    Outcome {
        status: Status::Sent,
        reason: None,
        provider_name: by.provider_name,
        provider_message_id: None,
        status_code: by.status_code,
        response_time_ms: by.response_time_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(8);

    fn times(typical: &Typical) -> Vec<u128> {
        let mut times: Vec<_> = (0..2000).map(|_| typical.pick(PATIENCE).0.as_millis()).collect();
        times.sort_unstable();
        times
    }

    #[test]
    fn a_withheld_code_takes_as_long_as_others_do_and_varies_as_they_do() {
        let typical = Typical::default();
        for millis in 0..500 {
            typical.note(Duration::from_millis(millis), PATIENCE, Some(&sent(Gone::default())));
        }
        let times = times(&typical);
        assert!(times[0] >= 500 - REMEMBERED as u128, "what is long past is forgotten");
        let median = times[times.len() / 2];
        assert!((420..=455).contains(&median), "{median} ms");
        assert!(times[times.len() - 1] - times[0] > 100, "they vary");
    }

    #[test]
    fn it_seems_to_have_gone_where_the_other_went_but_has_no_id_of_theirs() {
        let typical = Typical::default();
        let real = Outcome {
            reason: Some("settled_by_receipt".into()),
            provider_message_id: Some("SM1".into()),
            ..sent(Gone {
                provider_name: Some("twilio".into()),
                status_code: Some(201),
                response_time_ms: Some(80),
            })
        };
        typical.note(Duration::from_millis(90), PATIENCE, Some(&real));
        let (_, told) = typical.pick(PATIENCE);
        assert_eq!(told, Some(Outcome { reason: None, provider_message_id: None, ..real }));
    }

    #[test]
    fn while_no_code_is_sent_in_time_none_is_withheld_faster() {
        let typical = Typical::default();
        typical.note(PATIENCE, PATIENCE, None);
        assert_eq!(typical.pick(PATIENCE), (PATIENCE, None));
        assert_eq!(typical.pick(PATIENCE / 2).1, None);
        // Nothing is known of more patience than that.
        assert_eq!(typical.pick(PATIENCE * 2).0, FIRST_GUESS);
    }

    #[test]
    fn waits_that_were_cut_short_say_nothing() {
        let typical = Typical::default();
        typical.note(Duration::from_millis(1), PATIENCE, None);
        typical.note(Duration::ZERO, Duration::ZERO, None);
        assert_eq!(typical.pick(PATIENCE).0, FIRST_GUESS);
    }
}
