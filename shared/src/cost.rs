//! What a number of segments will cost by the prices that are known. What has no price is counted, never guessed.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::money::{Amount, Currency};
use crate::phone::Region;

/// What a provider charges for one segment to one country.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Price {
    /// How much.
    pub price: Amount,
    /// Of what.
    pub currency: Currency,
}

/// Prices by provider and country.
pub type Prices = HashMap<(String, Region), Price>;

/// Segments that one provider would carry to one country.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Which provider.
    pub provider: String,
    /// Where to; `None` for numbers of no country, which have no price.
    pub country: Option<Region>,
    /// How many.
    pub segments: u64,
}

/// What all of it costs, as far as prices are known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Estimate {
    /// By provider and country.
    pub countries: Vec<CountryCost>,
    /// Of all that has a price; currencies are never added up.
    pub totals: Vec<Total>,
    /// Segments that have no price, and are in no total.
    pub unpriced_segments: u64,
}

/// What one provider's segments to one country cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CountryCost {
    /// Which provider.
    pub provider: String,
    /// Where to.
    pub country: Option<Region>,
    /// How many.
    pub segments: u64,
    /// For one of them; `None` if it is not known.
    pub price: Option<Price>,
    /// For all of them.
    pub cost: Option<Amount>,
}

/// What is spent in one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Total {
    /// Which.
    pub currency: Currency,
    /// How much.
    pub cost: Amount,
    /// For so many segments.
    pub segments: u64,
}

/// Says what `volumes` cost by `prices`; volumes of the same provider and country are one.
pub fn estimate(volumes: impl IntoIterator<Item = Volume>, prices: &Prices) -> Estimate {
    let mut by_place = BTreeMap::new();
    for Volume { provider, country, segments } in volumes {
        let sum: &mut u64 = by_place.entry((provider, country)).or_default();
        *sum = sum.saturating_add(segments);
    }
    let mut estimate = Estimate::default();
    let mut totals = BTreeMap::new();
    for ((provider, country), segments) in by_place {
        let place = country.map(|country| (provider.clone(), country));
        let price = place.and_then(|place| prices.get(&place)).copied();
        let cost = price.map(|price| price.price.times(segments));
        match (price, cost) {
            (Some(Price { currency, .. }), Some(cost)) => {
                let total =
                    totals.entry(currency).or_insert(Total { currency, cost: Amount::ZERO, segments: 0 });
                total.cost = total.cost + cost;
                total.segments = total.segments.saturating_add(segments);
            }
            (None, _) | (_, None) => {
                estimate.unpriced_segments = estimate.unpriced_segments.saturating_add(segments);
            }
        }
        estimate.countries.push(CountryCost { provider, country, segments, price, cost });
    }
    estimate.totals = totals.into_values().collect();
    estimate
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn country(code: &str) -> Region {
        code.parse().expect(code)
    }

    fn volume(provider: &str, code: Option<&str>, segments: u64) -> Volume {
        Volume { provider: provider.to_owned(), country: code.map(country), segments }
    }

    fn prices(all: &[(&str, &str, &str, &str)]) -> Prices {
        let read = |&(provider, code, price, currency): &(&str, &str, &str, &str)| {
            let price =
                Price { price: price.parse().expect(price), currency: currency.parse().expect(currency) };
            ((provider.to_owned(), country(code)), price)
        };
        all.iter().map(read).collect()
    }

    #[test]
    fn each_currency_has_a_total_and_what_has_no_price_is_only_counted() {
        let prices = prices(&[
            ("main", "US", "0.0079", "USD"),
            ("main", "CH", "0.05", "USD"),
            ("india", "IN", "0.15", "INR"),
        ]);
        let volumes = [
            volume("main", Some("US"), 600_000),
            volume("india", Some("IN"), 3),
            volume("main", Some("US"), 400_000),
            volume("main", Some("CH"), 7),
            volume("main", Some("FR"), 11),
            volume("main", None, 2),
            // The price is another provider's.
            volume("main", Some("IN"), 5),
        ];
        let told = serde_json::to_value(estimate(volumes, &prices)).expect("JSON");
        assert_eq!(
            told["totals"],
            json!([
                { "currency": "INR", "cost": "0.45", "segments": 3 },
                { "currency": "USD", "cost": "7900.35", "segments": 1_000_007 },
            ])
        );
        assert_eq!(told["unpriced_segments"], 18);
        let lines = told["countries"].as_array().expect("a list");
        assert_eq!(lines.len(), 6);
        assert_eq!(
            lines[5],
            json!({
                "provider": "main", "country": "US", "segments": 1_000_000, "cost": "7900.00",
                "price": { "price": "0.0079", "currency": "USD" },
            })
        );
        assert_eq!(
            lines[1],
            json!({ "provider": "main", "country": null, "segments": 2, "cost": null, "price": null })
        );
    }

    proptest! {
        #[test]
        fn every_segment_is_in_a_total_or_unpriced(
            counts in prop::collection::vec((0..4_usize, 0..1_000_000_u64), 0..30),
        ) {
            let known = prices(&[("a", "US", "0.0079", "USD"), ("a", "CH", "0.05", "CHF")]);
            let codes = [Some("US"), Some("CH"), Some("FR"), None];
            let sum: u64 = counts.iter().map(|&(_, segments)| segments).sum();
            let micros: u128 = counts.iter().map(|&(at, segments)| u128::from(segments) * [7_900, 50_000, 0, 0][at]).sum();
            let told = estimate(counts.iter().map(|&(at, segments)| volume("a", codes[at], segments)), &known);
            let in_totals: u64 = told.totals.iter().map(|total| total.segments).sum();
            prop_assert_eq!(in_totals + told.unpriced_segments, sum);
            prop_assert_eq!(told.totals.iter().map(|total| total.cost.micros()).sum::<u128>(), micros);
            prop_assert_eq!(told.countries.iter().map(|line| line.segments).sum::<u64>(), sum);
        }
    }
}
