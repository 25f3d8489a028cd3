//! What goes wrong at the vendors, all through the run: never so often that their breakers stay open.

use std::collections::BTreeSet;

use mock_provider::{Fault, FaultBody, FaultRule, MockProvider, RecipientMatch, RetryAfter, Vendor};

/// Those that hold a call or a whole provider up, and so happen twice only.
fn slow() -> [Fault; 2] {
    [Fault::Hang, Fault::Throttle { retry_after: Some(RetryAfter::Seconds(1)) }]
}

fn quick() -> [Fault; 4] {
    [
        Fault::Status { status: 503, body: FaultBody::Vendor, delivered: false },
        Fault::Reset,
        Fault::DeliverThenReset,
        Fault::Garbage { status: 200, body: "<html>".to_owned(), delivered: true },
    ]
}

/// Each vendor fails for every twelfth number, as its last two digits say; the other one then takes it.
pub(super) fn spoil(mock: &MockProvider) {
    let spoil = |vendor, fault, ends: String, times: Option<u64>| {
        let rule = FaultRule { times, ..FaultRule::new(vendor, fault) };
        mock.fail_by(rule.to(RecipientMatch::Suffix(ends))).unwrap();
    };
    for (vendor, tens) in [(Vendor::Twilio, 0..), (Vendor::TwoFactor, 5..)] {
        for (fault, ten) in slow().into_iter().zip(tens.clone()) {
            spoil(vendor, fault, format!("{ten}3"), Some(2));
        }
        for (fault, ten) in quick().into_iter().zip(tens) {
            // Apart, as five failures in a row would open the breaker.
            for one in [1, 6] {
                spoil(vendor, fault.clone(), format!("{ten}{one}"), None);
            }
        }
    }
}

/// Fails unless each vendor has failed in each way.
pub(super) fn assert_all_struck(mock: &MockProvider) {
    let struck = mock.faults().into_iter().filter(|rule| rule.hits > 0);
    let struck: BTreeSet<_> =
        struck.map(|one| format!("{:?} {:?}", one.rule.vendor, one.rule.fault)).collect();
    assert_eq!(struck.len(), 2 * (slow().len() + quick().len()), "{struck:#?}");
}
