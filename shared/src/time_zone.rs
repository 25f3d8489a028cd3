//! Where a phone number's clock stands: the IANA time zones its owner may live in. Pure facts.
//!
//! A number says its country, and most countries have one zone. In North America and Brazil the area code narrows
//! several down; elsewhere a mobile number may be anywhere in its country, so all of that country's zones are
//! possible. People move and take their numbers with them: the number is all that a gateway knows.

use chrono_tz::Tz;

use crate::phone::{PhoneNumber, Region};

mod brazil;
mod countries;
mod north_america;

/// The zones in which the owner of `number` may be; none only if the number belongs to no country.
pub fn zones(number: &PhoneNumber) -> &'static [Tz] {
    zones_within(number, number.region())
}

/// As [`zones`], of a number whose country is known already.
pub fn zones_within(number: &PhoneNumber, country: Option<Region>) -> &'static [Tz] {
    let narrowed = match number.digits().as_bytes() {
        [b'1', area @ ..] => area_code(area, 3).and_then(north_america::zones),
        [b'5', b'5', area @ ..] => area_code(area, 2).and_then(brazil::zones),
        _ => None,
    };
    narrowed.unwrap_or_else(|| country.map_or(&[], zones_of))
}

/// The one zone in which the owner of `number` of `country` is; `None` if there are several.
pub fn zone_within(number: &PhoneNumber, country: Option<Region>) -> Option<Tz> {
    match zones_within(number, country) {
        [one] => Some(*one),
        _ => None,
    }
}

/// All zones of `country`, as far as their clocks differ; at least one.
pub fn zones_of(country: Region) -> &'static [Tz] {
    countries::zones(country.as_str()).unwrap_or_default()
}

fn area_code(national: &[u8], length: usize) -> Option<u16> {
    national
        .get(..length)?
        .iter()
        .try_fold(0, |code: u16, digit| digit.is_ascii_digit().then(|| code * 10 + u16::from(digit - b'0')))
}

#[cfg(test)]
mod tests;
