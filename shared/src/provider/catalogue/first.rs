//! Which provider is tried first, as far as settings tell: what a bill is reckoned by before anything is sent. Pauses,
//! breakers and templates may send a message another way in the end.

use std::collections::BTreeMap;

use sqlx::PgExecutor;

use super::ProviderSettings;
use crate::cost::Price;
use crate::lane::Lane;
use crate::phone::Region;
use crate::store::prices;

impl ProviderSettings {
    /// Whether it carries messages of `lane` to `country`; those to no country only if it carries to all.
    pub fn serves(&self, lane: Lane, country: Option<Region>) -> bool {
        let reaches = match (&self.countries, country) {
            (None, _) => true,
            (Some(countries), Some(country)) => countries.contains(&country),
            (Some(_), None) => false,
        };
        self.enabled && self.lanes.contains(&lane) && reaches
    }
}

/// The one of `providers`, in their order, that is tried first: the one hinted at, else the first that serves.
pub fn first_tried<'a>(
    providers: impl IntoIterator<Item = &'a ProviderSettings>,
    hint: Option<&str>,
    lane: Lane,
    country: Option<Region>,
) -> Option<&'a ProviderSettings> {
    let mut first = None;
    for one in providers.into_iter().filter(|one| one.serves(lane, country)) {
        if hint == Some(one.name.as_str()) {
            return Some(one);
        }
        first = first.or(Some(one));
    }
    first
}

/// What a segment costs in each country by the one of `providers` that messages of `lane` are tried with first there.
///
/// # Errors
/// When the database is away.
pub async fn prices_of_first(
    db: impl PgExecutor<'_>,
    providers: &[ProviderSettings],
    lane: Lane,
) -> sqlx::Result<BTreeMap<Region, Price>> {
    let of_first = prices::list(db).await?.into_iter().filter_map(|row| {
        let country: Region = row.country.parse().ok()?;
        let first = first_tried(providers, None, lane, Some(country))?;
        let price = Price { price: row.price, currency: row.currency.parse().ok()? };
        (first.name == row.provider).then_some((country, price))
    });
    Ok(of_first.collect())
}

#[cfg(test)]
mod tests {
    use super::super::VendorConfig;
    use super::*;

    fn provider(name: &str, countries: Option<&[&str]>) -> ProviderSettings {
        let country = |code: &&str| code.parse().expect("a country");
        ProviderSettings {
            countries: countries.map(|codes| codes.iter().map(country).collect()),
            ..ProviderSettings::unlimited(name, VendorConfig::Sandbox)
        }
    }

    #[test]
    fn the_hint_comes_first_where_it_reaches() {
        let off = ProviderSettings { enabled: false, ..provider("off", None) };
        let codes = ProviderSettings { lanes: vec![Lane::Otp], ..provider("codes", None) };
        let all = [off, codes, provider("india", Some(&["IN"])), provider("main", None)];
        let first = |hint, country: Option<&str>| {
            let country = country.map(|code| code.parse().expect("a country"));
            first_tried(&all, hint, Lane::Promo, country).map(|one| one.name.as_str())
        };
        assert_eq!(first(None, Some("IN")), Some("india"));
        assert_eq!(first(Some("main"), Some("IN")), Some("main"));
        assert_eq!(first(None, Some("CH")), Some("main"));
        assert_eq!(first(Some("india"), Some("CH")), Some("main"));
        assert_eq!(first(Some("india"), None), Some("main"));
        assert_eq!(first(Some("off"), Some("IN")), Some("india"));
        assert_eq!(first_tried(&all[..3], None, Lane::Promo, None).map(|one| one.name.as_str()), None);
    }
}
