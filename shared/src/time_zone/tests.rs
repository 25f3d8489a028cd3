use chrono_tz::{America, Asia, Europe, Pacific};

use super::*;

fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text, None).expect("a number")
}

/// Every country that the numbering plan knows.
fn regions() -> impl Iterator<Item = Region> {
    let letters = || (b'A'..=b'Z').map(char::from);
    letters()
        .flat_map(move |first| letters().map(move |second| format!("{first}{second}")))
        .filter_map(|code| code.parse().ok())
}

fn zone(number: &PhoneNumber) -> Option<Tz> {
    zone_within(number, number.region())
}

#[test]
fn every_country_has_a_zone() {
    let without: Vec<Region> = regions().filter(|&region| zones_of(region).is_empty()).collect();
    assert!(without.is_empty(), "{without:?}");
    assert!(regions().count() > 240);
}

#[test]
fn a_country_of_one_zone_says_it_all() {
    for (text, zone_of_it) in [
        ("+919876543210", Asia::Kolkata),
        ("+41791234567", Europe::Zurich),
        ("+442079460000", Europe::London),
        ("+18764567890", America::Jamaica),
        ("+17872345678", America::Puerto_Rico),
    ] {
        assert_eq!(zone(&number(text)), Some(zone_of_it), "{text}");
    }
}

#[test]
fn an_area_code_narrows_several_zones_down() {
    for (text, zone_of_it) in [
        ("+12125550123", America::New_York),
        ("+13125550123", America::Chicago),
        ("+13035550123", America::Denver),
        ("+16025550123", America::Phoenix),
        ("+14155550123", America::Los_Angeles),
        ("+18085550123", Pacific::Honolulu),
        ("+14165550123", America::Toronto),
        ("+16045550123", America::Vancouver),
        ("+5511987654321", America::Sao_Paulo),
        ("+5592987654321", America::Manaus),
        ("+5568987654321", America::Rio_Branco),
    ] {
        assert_eq!(zone(&number(text)), Some(zone_of_it), "{text}");
    }
}

#[test]
fn an_area_code_on_a_line_between_zones_has_both() {
    assert_eq!(zones(&number("+18505550123")), [America::New_York, America::Chicago]);
    assert_eq!(zones(&number("+19285550123")), [America::Phoenix, America::Denver]);
    assert_eq!(zones(&number("+5597987654321")), [America::Manaus, America::Rio_Branco]);
    assert_eq!(zone(&number("+18505550123")), None);
}

#[test]
fn where_the_number_does_not_say_all_zones_of_its_country_count() {
    let australia: Region = "AU".parse().expect("a country");
    assert_eq!(zones(&number("+61412345678")), zones_of(australia));
    assert!(zones_of(australia).len() > 5);
    let toll_free = number("+18005550123");
    assert!(zones(&toll_free).len() > 5, "{:?} of {:?}", zones(&toll_free), toll_free.region());
    assert!(zones(&number("+88216123456789")).is_empty(), "satellites belong to no country");
}
