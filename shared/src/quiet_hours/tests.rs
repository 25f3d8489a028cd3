use chrono::{Datelike, Timelike};
use chrono_tz::{America, Asia, Australia, Europe, TZ_VARIANTS};
use proptest::prelude::*;

use super::*;

fn hours(text: &str) -> Hours {
    text.parse().expect("hours")
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

/// What a clock on the wall says, digit by digit: nothing of the way openings are found.
fn is_open(text: &str, zone: Tz, now: DateTime<Utc>) -> bool {
    let shown = now.with_timezone(&zone);
    let day =
        ["mon", "tue", "wed", "thu", "fri", "sat", "sun"][shown.weekday().num_days_from_monday() as usize];
    let time = format!("{:02}:{:02}", shown.hour(), shown.minute());
    text.split("; ").any(|part| {
        let (days, (opens, closes)) =
            part.split_once(' ').map(|(d, t)| (d, t.split_once('-').expect("-"))).expect(" ");
        let order = "mon tue wed thu fri sat sun";
        let (first, last) = days.split_once('-').unwrap_or((days, days));
        let place = |day: &str| order.find(day).expect("a day");
        (place(first)..=place(last)).contains(&place(day)) && opens <= time.as_str() && time.as_str() < closes
    })
}

#[test]
fn hours_read_as_they_are_written() {
    for text in ["mon-sun 10:00-21:00", "mon-fri 09:00-21:30; sat-sun 10:00-18:00", "sun 00:00-24:00"] {
        assert_eq!(hours(text).to_string(), text);
    }
    assert_eq!(hours("MON 08:00-09:00;tue 08:00-09:00").to_string(), "mon-tue 08:00-09:00");
    for text in [
        "",
        "mon",
        "10:00-21:00",
        "mon 21:00-10:00",
        "mon 10:00-10:00",
        "mon 10:00-24:01",
        "mon 10:60-12:00",
        "mon 1:00-2:00",
        "sun-mon 10:00-12:00",
        "mon 10:00-11:00; mon 12:00-13:00",
        "day 10:00-11:00",
        "mon 10:00",
        "mon 10:00-11:00;",
        "mon +1:00-11:00",
    ] {
        assert_eq!(text.parse::<Hours>(), Err(InvalidHours), "{text:?}");
    }
}

#[test]
fn closed_hours_say_when_they_open() {
    let india = hours("mon-sun 10:00-21:00");
    let zone = [Asia::Kolkata];
    assert_eq!(india.opening(&zone, at("2026-03-01T04:29:59.999Z")), Opening::At(at("2026-03-01T04:30:00Z")));
    assert_eq!(india.opening(&zone, at("2026-03-01T04:30:00Z")), Opening::Open);
    assert_eq!(india.opening(&zone, at("2026-03-01T15:29:59.999Z")), Opening::Open);
    assert_eq!(india.opening(&zone, at("2026-03-01T15:30:00Z")), Opening::At(at("2026-03-02T04:30:00Z")));
}

#[test]
fn a_day_without_hours_is_passed_over() {
    let france = hours("mon-sat 08:00-22:00");
    // Saturday night in Paris, then all of Sunday.
    let monday = Opening::At(at("2026-06-08T06:00:00Z"));
    assert_eq!(france.opening(&[Europe::Paris], at("2026-06-06T20:00:00Z")), monday);
    assert_eq!(france.opening(&[Europe::Paris], at("2026-06-07T12:00:00Z")), monday);
}

#[test]
fn several_zones_are_open_together_or_not_at_all() {
    let day = hours("mon-sun 08:00-21:00");
    let ends = [America::New_York, America::Los_Angeles];
    // 8:00 in New York is 5:00 in Los Angeles; 18:00 there is 21:00 here.
    assert_eq!(day.opening(&ends, at("2026-01-15T13:00:00Z")), Opening::At(at("2026-01-15T16:00:00Z")));
    assert_eq!(day.opening(&ends, at("2026-01-16T01:59:59Z")), Opening::Open);
    assert_eq!(day.opening(&ends, at("2026-01-16T02:00:00Z")), Opening::At(at("2026-01-16T16:00:00Z")));
    let morning = hours("mon-sun 08:00-09:00");
    assert_eq!(morning.opening(&ends, at("2026-01-15T13:00:00Z")), Opening::Never);
    assert_eq!(day.opening(&[], at("2026-01-15T13:00:00Z")), Opening::Never);
}

#[test]
fn a_skipped_opening_opens_when_the_clock_has_jumped_over_it() {
    // 8 March 2026, New York: 01:59:59 is followed by 03:00:00, at 07:00 UTC.
    let night = hours("mon-sun 02:30-04:00");
    assert_eq!(
        night.opening(&[America::New_York], at("2026-03-08T06:00:00Z")),
        Opening::At(at("2026-03-08T07:00:00Z"))
    );
    // A window that is skipped whole does not open that day.
    let skipped = hours("mon-sun 02:15-02:45");
    assert_eq!(
        skipped.opening(&[America::New_York], at("2026-03-08T06:00:00Z")),
        Opening::At(at("2026-03-09T06:15:00Z"))
    );
}

#[test]
fn an_hour_that_comes_twice_is_open_twice() {
    // 1 November 2026, New York: at 06:00 UTC the clock goes from 02:00 back to 01:00.
    let night = hours("mon-sun 00:30-01:30");
    let zone = [America::New_York];
    assert_eq!(night.opening(&zone, at("2026-11-01T05:29:59Z")), Opening::Open);
    assert_eq!(night.opening(&zone, at("2026-11-01T05:30:00Z")), Opening::At(at("2026-11-01T06:00:00Z")));
    assert_eq!(night.opening(&zone, at("2026-11-01T06:29:59Z")), Opening::Open);
    assert_eq!(night.opening(&zone, at("2026-11-01T06:30:00Z")), Opening::At(at("2026-11-02T05:30:00Z")));
}

#[test]
fn a_clock_may_change_by_half_an_hour_and_a_year_may_have_a_leap_day() {
    // 5 April 2026, Lord Howe: at 15:00 UTC the day before, the clock goes from 02:00 back to 01:30.
    let night = hours("mon-sun 01:45-02:00");
    assert_eq!(
        night.opening(&[Australia::Lord_Howe], at("2026-04-04T15:00:00Z")),
        Opening::At(at("2026-04-04T15:15:00Z"))
    );
    let tuesday = hours("tue 10:00-11:00");
    assert_eq!(
        tuesday.opening(&[Europe::Berlin], at("2028-02-28T12:00:00Z")),
        Opening::At(at("2028-02-29T09:00:00Z"))
    );
}

fn any_hours() -> impl Strategy<Value = String> {
    let part = |days: &'static str| {
        (0u16..1425, 1u16..1440).prop_map(move |(opens, length)| {
            let (opens, closes) = (opens / 15 * 15, (opens / 15 * 15 + length).min(1440));
            format!("{days} {:02}:{:02}-{:02}:{:02}", opens / 60, opens % 60, closes / 60, closes % 60)
        })
    };
    prop_oneof![
        part("mon-sun"),
        (part("mon-fri"), part("sat-sun")).prop_map(|(week, end)| format!("{week}; {end}")),
        (part("mon-wed"), part("sat")).prop_map(|(week, end)| format!("{week}; {end}")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn an_opening_is_the_first_minute_that_is_open_in_all_zones(
        text in any_hours(),
        zones in prop::collection::vec(prop::sample::select(&TZ_VARIANTS[..]), 1..4),
        minute in 0i64..(12 * 366 * 24 * 60),
    ) {
        let now = at("2020-01-01T00:00:00Z") + TimeDelta::minutes(minute);
        let all_open = |time| zones.iter().all(|&zone| is_open(&text, zone, time));
        let first = (0..15 * 24 * 60).map(|minutes| now + TimeDelta::minutes(minutes)).find(|time| all_open(*time));
        let expected = match first {
            Some(first) if first == now => Opening::Open,
            Some(first) => Opening::At(first),
            None => Opening::Never,
        };
        prop_assert_eq!(hours(&text).opening(&zones, now), expected);
    }
}
