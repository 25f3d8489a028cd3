//! From a row of a list to a recipient: what is asked of them before they are stored.

use serde_json::{Map, Value};

use super::{CampaignText, Links, Unfillable};
use crate::config::ReachConfig;
use crate::phone::{PhoneNumber, Region};
use crate::segments::{self, Encoding};
use crate::store::campaigns::recipients::{NewRecipient, Place, Ucs2};
use crate::text::MessageText;
use crate::time_zone;

/// Why somebody cannot be a recipient.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Their country may not be texted.
    #[error("numbers of {} may not be texted by this gateway (SMSGW_COUNTRIES)", country(*.0))]
    CountryBlocked(Option<Region>),
    /// There is no text for them.
    #[error(transparent)]
    Unfillable(#[from] Unfillable),
}

impl Unusable {
    /// The stable word for it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::CountryBlocked(_) => "country_blocked",
            Self::Unfillable(Unfillable::Render(_)) => "text_not_filled",
            Self::Unfillable(Unfillable::Text(_)) => "text_not_sendable",
        }
    }
}

fn country(region: Option<Region>) -> String {
    region.map_or_else(|| "no country".to_owned(), |region| region.to_string())
}

/// Somebody who can be texted, and the text they will get.
#[derive(Clone, Debug)]
pub struct Enlisted {
    /// As they are stored.
    pub recipient: NewRecipient,
    /// Their text.
    pub text: String,
}

/// Makes a recipient of `phone` and what is known of them.
///
/// # Errors
/// [`Unusable`] says why they cannot be one.
pub fn enlist(
    text: &CampaignText,
    reach: &ReachConfig,
    links: &Links,
    phone: &PhoneNumber,
    mut variables: Map<String, Value>,
) -> Result<Enlisted, Unusable> {
    let country = phone.region();
    if !reach.allows(country) {
        return Err(Unusable::CountryBlocked(country));
    }
    variables.retain(|name, _| text.variables().contains(name));
    let zone = time_zone::zone_within(phone, country);
    let filled = text.fill(&variables, phone, links)?;
    let recipient = NewRecipient {
        phone: phone.as_str().to_owned(),
        place: Place { country, zone: zone.map(|zone| zone.name().to_owned()) },
        segments: i16::try_from(filled.segments().count).unwrap_or(i16::MAX),
        variables: (!variables.is_empty()).then_some(Value::Object(variables)),
        ucs2: ucs2(&filled),
    };
    Ok(Enlisted { recipient, text: filled.into_string() })
}

fn ucs2(text: &MessageText) -> Option<Ucs2> {
    if text.segments().encoding == Encoding::Gsm7 {
        return None;
    }
    let advice = segments::advise(text.as_str());
    let saved = advice.replaced.map_or(0, |replaced| replaced.saving.saved);
    Some(Ucs2 {
        forcing: advice.forcing.into_iter().map(|one| one.found.character).collect(),
        saved: i16::try_from(saved).unwrap_or(i16::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::tests::links;
    use serde_json::json;

    fn variables(value: Value) -> Map<String, Value> {
        let Value::Object(map) = value else { panic!("an object") };
        map
    }

    fn phone(text: &str) -> PhoneNumber {
        PhoneNumber::parse(text, None).expect(text)
    }

    #[test]
    fn a_recipient_keeps_what_their_text_needs_and_nothing_more() {
        let text = CampaignText::compile("Hi {{ name }} ж").expect("a text");
        let known = variables(json!({ "name": "Ann", "salary": "12" }));
        let enlisted =
            enlist(&text, &ReachConfig::default(), &links(), &phone("+41790000001"), known).expect("usable");
        assert_eq!(enlisted.text, "Hi Ann ж");
        assert_eq!(enlisted.recipient.variables, Some(json!({ "name": "Ann" })));
        assert_eq!(enlisted.recipient.place.country, "CH".parse().ok());
        assert_eq!(enlisted.recipient.place.zone.as_deref(), Some("Europe/Zurich"));
        assert_eq!(enlisted.recipient.segments, 1);
    }

    #[test]
    fn what_makes_a_text_dear_is_known_of_each_recipient() {
        let text = CampaignText::compile("Hi {{ name }}").expect("a text");
        let ucs2 = |name: &str| {
            let known = variables(json!({ "name": name }));
            let enlisted = enlist(&text, &ReachConfig::default(), &links(), &phone("+41790000001"), known);
            enlisted.expect("usable").recipient.ucs2
        };
        assert_eq!(ucs2("José"), None);
        let cheaper = Ucs2 { forcing: "’".to_owned(), saved: 1 };
        assert_eq!(ucs2(&format!("O’Hara {}", "a".repeat(70))), Some(cheaper));
        assert_eq!(ucs2("жж"), Some(Ucs2 { forcing: "ж".to_owned(), saved: 0 }));
    }

    #[test]
    fn who_cannot_be_texted_is_told_by_a_word() {
        let text = CampaignText::compile("Hi {{ name }}").expect("a text");
        let india = ReachConfig { countries: Some(vec!["IN".parse().expect("a country")]) };
        let refused = |reach: &ReachConfig, known| {
            let refused = enlist(&text, reach, &links(), &phone("+41790000001"), variables(known));
            refused.map(|one| one.text).map_err(|error| error.as_str())
        };
        assert_eq!(refused(&india, json!({ "name": "Ann" })), Err("country_blocked"));
        assert_eq!(refused(&ReachConfig::default(), json!({})), Err("text_not_filled"));
        assert_eq!(
            refused(&ReachConfig::default(), json!({ "name": "ж".repeat(480) })),
            Ok(format!("Hi {}", "ж".repeat(480)))
        );
    }
}
