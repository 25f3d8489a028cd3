//! The oracle's clocks: offsets in hours or minutes, and the nights on which they change, by hand.

/// A clock: minutes ahead of UTC in winter, and whose summer time it keeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place(i64, Summer);

#[derive(Clone, Copy, Debug)]
enum Summer {
    None,
    /// From the second Sunday of March to the first of November, at two o'clock by the clock on the wall.
    American,
    /// From the last Sunday of March to the last of October, at one o'clock UTC.
    European,
}

const INDIA: &[Place] = &[Place(330, Summer::None)];
const PARIS: &[Place] = &[Place(60, Summer::European)];
const EASTERN: Place = Place(-300, Summer::American);
const CENTRAL: Place = Place(-360, Summer::American);
const MOUNTAIN: Place = Place(-420, Summer::American);
const ARIZONA: Place = Place(-420, Summer::None);
const PACIFIC: Place = Place(-480, Summer::American);
const ALASKA: Place = Place(-540, Summer::American);
const ALEUTIANS: Place = Place(-600, Summer::American);
const HAWAII: Place = Place(-600, Summer::None);

/// Numbers, their countries, and the clocks their owners may live by.
pub(crate) const NUMBERS: [(&str, &str, &[Place]); 13] = [
    ("+919876543210", "IN", INDIA),
    ("+917012345678", "IN", INDIA),
    ("+33612345678", "FR", PARIS),
    ("+447400123456", "GB", &[]),
    ("+12125550123", "US", &[EASTERN]),
    ("+13125550123", "US", &[CENTRAL]),
    ("+14155550123", "US", &[PACIFIC]),
    ("+16025550123", "US", &[ARIZONA]),
    ("+18085550123", "US", &[HAWAII]),
    ("+19075550123", "US", &[ALASKA, ALEUTIANS]),
    ("+18505550123", "US", &[EASTERN, CENTRAL]),
    ("+19285550123", "US", &[ARIZONA, MOUNTAIN]),
    // Toll-free: anywhere in the country.
    ("+18005550123", "US", &[EASTERN, CENTRAL, MOUNTAIN, ARIZONA, PACIFIC, ALASKA, ALEUTIANS, HAWAII]),
];

/// 1 January 2026 in seconds since 1970.
const YEAR_2026: i64 = 1_767_225_600;
const DAY: i64 = 86_400;

/// Whether every clock in `places` shows a time at which promo may arrive.
pub(crate) fn is_open(country: &str, places: &[Place], at: i64) -> bool {
    places.iter().all(|place| {
        let shown = at + 60 * minutes_ahead(*place, at);
        let (day, hour) = (shown.div_euclid(DAY), shown.rem_euclid(DAY) / 3600);
        match country {
            "IN" => (10..21).contains(&hour),
            "US" => (8..21).contains(&hour),
            // 1 January 1970 was a Thursday: Sundays are three days later.
            "FR" => (8..22).contains(&hour) && day.rem_euclid(7) != 3,
            _ => true,
        }
    })
}

fn minutes_ahead(Place(winter, summer): Place, at: i64) -> i64 {
    // Days of the year, counted from 0: 8 March and 1 November 2026, 14 March and 7 November 2027; in Europe 29 March
    // and 25 October 2026, 28 March and 31 October 2027.
    let (year, next) = (YEAR_2026, YEAR_2026 + 365 * DAY);
    let is_summer = match summer {
        Summer::None => false,
        Summer::American => {
            let (begins, ends) = ((2 * 60 - winter) * 60, (2 * 60 - winter - 60) * 60);
            (year + 66 * DAY + begins..year + 304 * DAY + ends).contains(&at)
                || (next + 72 * DAY + begins..next + 310 * DAY + ends).contains(&at)
        }
        Summer::European => {
            (year + 87 * DAY + 3600..year + 297 * DAY + 3600).contains(&at)
                || (next + 86 * DAY + 3600..next + 303 * DAY + 3600).contains(&at)
        }
    };
    winter + if is_summer { 60 } else { 0 }
}
