use proptest::prelude::*;

use super::*;

fn amount(text: &str) -> Amount {
    text.parse().expect(text)
}

fn country(code: &str) -> Option<Region> {
    Some(code.parse().expect(code))
}

fn price(text: &str, currency: &str) -> Option<Price> {
    Some(Price { price: amount(text), currency: currency.parse().expect(currency) })
}

fn cap(name: &str, scope: CapScope, limit: &str, spent: &str) -> Cap {
    Cap {
        name: name.to_owned(),
        scope,
        country: (scope == CapScope::Country).then(|| "IN".parse().expect("a country")),
        limit: amount(limit),
        currency: "USD".parse().expect("a currency"),
        thresholds: USUAL_THRESHOLDS.to_vec(),
        spent: amount(spent),
    }
}

#[test]
fn a_batch_is_cut_to_what_is_left() {
    let mut purse = Purse::new(vec![cap("all", CapScope::Day, "1", "0.5")]);
    assert_eq!(purse.fits(country("IN"), price("0.1", "USD"), [1; 9]), (5, None));
    assert_eq!(purse.fits(country("IN"), price("0.1", "USD"), [2, 2, 2, 1]), (2, None));
    purse.spend(country("IN"), price("0.1", "USD"), 5);
    assert_eq!(purse.fits(country("CH"), price("0.1", "USD"), [1]), (0, Some(Stop::Day)));
}

#[test]
fn other_currencies_other_countries_and_unknown_prices_are_not_stopped() {
    let caps = vec![cap("india", CapScope::Country, "1", "1"), cap("all", CapScope::Day, "5", "0")];
    let mut purse = Purse::new(caps);
    assert_eq!(purse.fits(country("IN"), price("0.1", "USD"), [1; 3]), (0, Some(Stop::Country)));
    assert_eq!(purse.fits(country("CH"), price("0.1", "USD"), [1; 3]), (3, None));
    assert_eq!(purse.fits(country("IN"), price("0.1", "EUR"), [1; 3]), (3, None));
    assert_eq!(purse.fits(country("IN"), None, [1; 3]), (3, None));
    assert_eq!(purse.fits(None, price("0.1", "USD"), [1; 3]), (3, None));
    purse.spend(country("IN"), None, 4);
    purse.spend(country("CH"), price("0.1", "USD"), 2);
    purse.spend(country("CH"), price("0.1", "USD"), 1);
    let sums: Vec<_> = purse.sums().iter().map(|sum| (sum.cost, sum.segments)).collect();
    assert_eq!(sums, [(amount("0.3"), 3), (Amount::ZERO, 4)]);
}

#[test]
fn the_campaigns_own_limit_is_named_first() {
    let caps = ["all", "each", BUDGET].map(|name| {
        let scope = if name == "all" { CapScope::Day } else { CapScope::Campaign };
        cap(name, scope, "1", "1")
    });
    for (bound, reason) in [(1, "spend_cap_day"), (2, "spend_cap_campaign"), (3, "budget")] {
        let (fitting, stop) =
            Purse::new(caps[..bound].to_vec()).fits(country("IN"), price("0.1", "USD"), [1]);
        assert_eq!((fitting, stop.map(Stop::reason)), (0, Some(reason)));
    }
}

#[test]
fn what_can_be_paid_for_is_known_before_anybody_is_looked_at() {
    let caps = vec![cap("india", CapScope::Country, "1", "0.55"), cap("all", CapScope::Day, "5", "0")];
    let purse = Purse::new(caps);
    assert_eq!(purse.affords(country("IN"), price("0.1", "USD")), 4);
    assert_eq!(purse.affords(country("CH"), price("0.1", "USD")), 50);
    assert_eq!(purse.affords(country("CH"), price("5.000001", "USD")), 0);
    for unbounded in [price("0.1", "EUR"), price("0", "USD"), None] {
        assert_eq!(purse.affords(country("IN"), unbounded), u64::MAX);
    }
}

#[test]
fn thresholds_are_reached_one_after_the_other() {
    let mut purse = Purse::new(vec![cap("all", CapScope::Day, "1", "0")]);
    let reached = |purse: &Purse| purse.reached().iter().map(|(_, share)| *share).collect::<Vec<_>>();
    assert_eq!(reached(&purse), [0_i16; 0]);
    purse.spend(country("IN"), price("0.3", "USD"), 2);
    assert_eq!(reached(&purse), [50]);
    purse.spend(country("IN"), price("0.3", "USD"), 1);
    assert_eq!(reached(&purse), [50, 80]);
    // 0.1 are left, which nobody can use.
    assert_eq!(purse.fits(country("IN"), price("0.3", "USD"), [1]), (0, Some(Stop::Day)));
    assert_eq!(reached(&purse), [50, 80, 100]);
}

proptest! {
    #[test]
    fn no_cap_is_ever_exceeded(
        limits in prop::collection::vec(1..2_000_000_u64, 3),
        batches in prop::collection::vec((0..3_usize, 1..300_000_u64, prop::collection::vec(1..10_u64, 1..20)), 1..30),
    ) {
        let scopes = [CapScope::Campaign, CapScope::Day, CapScope::Country];
        let caps = scopes.iter().zip(&limits).map(|(&scope, &limit)| Cap {
            limit: Amount::from_micros(limit),
            ..cap(scope.as_str(), scope, "1", "0")
        });
        let mut purse = Purse::new(caps.collect());
        for (at, micros, segments) in batches {
            let country = [country("IN"), country("CH"), None][at];
            let price = Some(Price { price: Amount::from_micros(micros), currency: "USD".parse().expect("dollars") });
            let (fitting, stop) = purse.fits(country, price, segments.iter().copied());
            prop_assert_eq!(fitting == 0, stop.is_some());
            purse.spend(country, price, segments[..fitting].iter().sum());
            prop_assert!(purse.caps.iter().all(|cap| cap.spent <= cap.limit));
        }
    }
}
