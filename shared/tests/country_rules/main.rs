//! Rules of countries against an oracle: a table of verdicts and a calendar written by hand, which share nothing with the
//! rules but the question. A hundred thousand generated messages must be judged alike by both.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use shared::country_rules::{Asked, CountryRules, Registered, Rules, SenderType, Sending};
use shared::lane::Lane;
use shared::phone::PhoneNumber;
use shared::quiet_hours::Opening;

mod calendar;
mod verdicts;

const CASES: usize = 100_000;
const SEED: u64 = 0x5eed_0005;

/// Senders of every kind; nobody at all is one, too.
const SENDERS: [&str; 8] = ["", "SMSGWX", "SMSGW1", "SMSGW", "654321", "56161", "+15005550006", "My Brand"];
/// Templates by what they have and lack; see [`registered`].
const TEMPLATES: [&str; 9] =
    ["", "=VENDOR", "unknown", "full", "promo", "no_entity", "no_template", "no_text", "vendors"];
/// Texts by how they differ from the one that is registered.
const TEXTS: [(&str, &str); 6] = [
    ("right", "Dear Ada, your code is 123456. -SMSGW"),
    ("longest", "Dear abcdefghijklmnopqrstuvwxyz1234, your code is 1. -SMSGW"),
    ("long", "Dear abcdefghijklmnopqrstuvwxyz12345, your code is 1. -SMSGW"),
    ("other", "Dear Ada, your code is 123456! -SMSGW"),
    ("more", "Dear Ada, your code is 123456. -SMSGW Bye"),
    ("", ""),
];

fn registered() -> HashMap<String, Registered> {
    let full = Registered {
        lane: Lane::Transactional,
        entity_id: Some("1201".into()),
        template_id: Some("1207".into()),
        text: Some("Dear {#var#}, your code is {#var#}. -SMSGW".into()),
        with_vendors: false,
    };
    let bare = Registered { entity_id: None, template_id: None, text: None, ..full.clone() };
    HashMap::from([
        ("full".to_owned(), full.clone()),
        ("promo".to_owned(), Registered { lane: Lane::Promo, ..full.clone() }),
        ("no_entity".to_owned(), Registered { entity_id: None, ..full.clone() }),
        ("no_template".to_owned(), Registered { template_id: None, ..full.clone() }),
        ("no_text".to_owned(), Registered { text: None, ..full }),
        ("vendors".to_owned(), Registered { with_vendors: true, ..bare }),
    ])
}

/// India, the United States and France have rules; Britain has none that are enabled.
fn rules() -> CountryRules {
    let rules = |country: &str, version, hours: &str, senders, dlt| Rules {
        country: country.parse().expect("a country"),
        version,
        promo_hours: Some(hours.parse().expect("hours")),
        senders,
        dlt,
    };
    let carried = Some(vec![SenderType::Number, SenderType::ShortCode]);
    let all = [
        rules("IN", 3, "mon-sun 10:00-21:00", None, true),
        rules("US", 2, "mon-sun 08:00-21:00", carried, false),
        rules("FR", 1, "mon-sat 08:00-22:00", None, false),
    ];
    CountryRules::new(all, registered()).expect("some rules")
}

/// A time of 2026 or 2027, more often than not within two seconds of a full hour: where mistakes would be.
fn a_time(random: &mut fastrand::Rng) -> DateTime<Utc> {
    let begin: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().expect("a time");
    let second = random.i64(0..2 * 365 * 86_400);
    let second = if random.bool() { second } else { second / 3600 * 3600 + random.i64(-2..3) };
    begin + TimeDelta::seconds(second)
}

#[test]
fn a_hundred_thousand_messages_are_judged_as_the_table_says() {
    let (rules, mut random) = (rules(), fastrand::Rng::with_seed(SEED));
    let mut seen = HashSet::new();
    for case in 0..CASES {
        let (number, country, _) = calendar::NUMBERS[random.usize(0..calendar::NUMBERS.len())];
        let sender = SENDERS[random.usize(0..SENDERS.len())];
        let template = TEMPLATES[random.usize(0..TEMPLATES.len())];
        let (kind, text) = TEXTS[random.usize(0..TEXTS.len())];
        let lane = Lane::ALL[random.usize(0..3)];
        let (sending, way) =
            [(Sending::Undecided, "undecided"), (Sending::Ours, "ours"), (Sending::Vendors, "vendors")]
                [random.usize(0..3)];
        let given = |text: &'static str| Some(text).filter(|text| !text.is_empty());
        let asked = Asked {
            country: PhoneNumber::parse(number, None).expect("a number").region(),
            lane,
            sender: given(sender),
            template: given(template),
            text: given(text),
            sending,
        };
        let found = rules.refuses(&asked).map_or("ok", |breach| breach.reason());
        let expected = verdicts::verdict(country, lane.as_str(), template, sender, kind, way);
        assert_eq!(found, expected, "case {case}: {asked:?}");
        seen.insert(found);
    }
    assert_eq!(seen.len(), 6, "every verdict was given: {seen:?}");
}

#[test]
fn a_hundred_thousand_promos_leave_when_the_calendar_says() {
    let (rules, mut random) = (rules(), fastrand::Rng::with_seed(SEED));
    let (mut open, mut closed) = (0, 0);
    for case in 0..CASES {
        let (number, country, places) = calendar::NUMBERS[random.usize(0..calendar::NUMBERS.len())];
        let now = a_time(&mut random);
        let to = PhoneNumber::parse(number, None).expect("a number");
        let is_open = |time: DateTime<Utc>| calendar::is_open(country, places, time.timestamp());
        match rules.opens_for(&to, to.region(), now) {
            Opening::Open => {
                open += 1;
                assert!(is_open(now), "case {case}: {number} at {now}");
            }
            Opening::At(opens) => {
                closed += 1;
                assert!(!is_open(now), "case {case}: {number} at {now}");
                assert!(
                    is_open(opens) && !is_open(opens - TimeDelta::seconds(1)),
                    "case {case}: {number} at {opens}"
                );
                // The hours of the calendar are whole ones, of UTC too but for India's half.
                let missed =
                    (1..).map(|step| now + TimeDelta::minutes(15 * step)).take_while(|time| *time < opens);
                assert_eq!(missed.filter(|time| is_open(*time)).count(), 0, "case {case}: {number} at {now}");
            }
            Opening::Never => panic!("case {case}: {number} at {now}"),
        }
    }
    assert!(open > CASES / 4 && closed > CASES / 4, "{open} open, {closed} closed");
}
