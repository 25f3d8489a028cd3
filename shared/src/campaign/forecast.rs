//! How long a campaign takes at its throttle, with the hours of each place.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::country_rules::CountryRules;
use crate::quiet_hours::Opening;
use crate::store::campaigns::recipients::Place;

/// Hours are looked at this often; they open and close at whole quarters.
const STEP: TimeDelta = TimeDelta::minutes(15);
/// What takes longer is not told.
const FURTHEST: TimeDelta = TimeDelta::days(90);

/// When the last of `waiting`, people by place, has had their turn, at `per_second` messages a second from `now` on;
/// `None` if that is months away or never. A place that is never open takes its turn, as its messages end at once.
pub fn forecast(
    mut waiting: Vec<(Place, u64)>,
    per_second: u32,
    rules: Option<&CountryRules>,
    now: DateTime<Utc>,
) -> Option<Duration> {
    let is_open = |place: &Place, at| {
        let zone = place.zone.as_deref().and_then(|zone| zone.parse().ok());
        let opening = rules.zip(place.country).map(|(rules, country)| rules.opens_at(country, zone, at));
        !matches!(opening, Some(Opening::At(_)))
    };
    let mut at = now;
    while at < now + FURTHEST {
        waiting.retain(|(_, people)| *people > 0);
        if waiting.is_empty() {
            break;
        }
        let mut room = u64::from(per_second) * STEP.num_seconds().unsigned_abs();
        for (place, people) in &mut waiting {
            if is_open(place, at) {
                let turn = room.min(*people);
                (room, *people) = (room - turn, *people - turn);
            }
        }
        let is_over = waiting.iter().all(|(_, people)| *people == 0);
        let used = u64::from(per_second) * STEP.num_seconds().unsigned_abs() - room;
        let millis = used.saturating_mul(1000).div_ceil(u64::from(per_second.max(1)));
        at += if is_over { TimeDelta::milliseconds(i64::try_from(millis).ok()?) } else { STEP };
    }
    waiting.retain(|(_, people)| *people > 0);
    if waiting.is_empty() { (at - now).to_std().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::country_rules::Rules;

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().expect(text)
    }

    fn place(country: &str, zone: &str) -> Place {
        Place { country: country.parse().ok(), zone: Some(zone.to_owned()).filter(|zone| !zone.is_empty()) }
    }

    /// India from 10 to 21 o'clock.
    fn india() -> CountryRules {
        let rules = Rules {
            country: "IN".parse().expect("a country"),
            version: 1,
            promo_hours: Some("mon-sun 10:00-21:00".parse().expect("hours")),
            senders: None,
            dlt: false,
        };
        CountryRules::new([rules], HashMap::new()).expect("rules")
    }

    #[test]
    fn without_hours_it_is_people_by_rate() {
        let took = forecast(vec![(place("CH", ""), 2_500)], 10, None, time("2026-11-22T03:00:00Z"));
        assert_eq!(took, Some(Duration::from_secs(250)));
        let took = forecast(vec![(place("CH", ""), 100_000)], 10, None, time("2026-11-22T03:00:00Z"));
        assert_eq!(took, Some(Duration::from_secs(10_000)));
        assert_eq!(forecast(vec![], 10, None, time("2026-11-22T03:00:00Z")), Some(Duration::ZERO));
    }

    #[test]
    fn a_night_in_between_is_waited_for() {
        // 20:00 in India: an hour is left, 36,000 people, and the last 3,600 wait for 10:00.
        let people = vec![(place("IN", "Asia/Kolkata"), 39_600)];
        let took = forecast(people, 10, Some(&india()), time("2026-11-22T14:30:00Z"));
        assert_eq!(took, Some(Duration::from_secs(14 * 3600 + 360)));
    }

    #[test]
    fn others_have_their_turn_meanwhile() {
        let people = vec![(place("IN", "Asia/Kolkata"), 10), (place("CH", "Europe/Zurich"), 9_000)];
        // 09:45 in India.
        let took = forecast(people, 10, Some(&india()), time("2026-11-22T04:15:00Z"));
        assert_eq!(took, Some(Duration::from_secs(901)));
    }
}
