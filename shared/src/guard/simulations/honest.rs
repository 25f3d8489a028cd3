//! Honest days: a million starts of people, of whom 40 to 80 in a hundred type their code in, 10 to 90 seconds later.

use super::*;

/// A country's share of all starts, and how many prefixes its people have.
pub(super) const COUNTRIES: [(&str, u32, u32); 8] = [
    ("IN", 30, 40_000),
    ("US", 20, 60_000),
    ("DE", 14, 12_000),
    ("GB", 12, 10_000),
    ("CH", 10, 4000),
    ("FR", 8, 9000),
    ("AT", 4, 2500),
    ("LI", 2, 300),
];

/// How many of a hundred of the day's busiest hour ask in each hour, from midnight on.
const HOURS: [u32; 24] =
    [20, 12, 8, 6, 6, 10, 22, 45, 70, 85, 92, 96, 100, 96, 92, 90, 92, 96, 100, 98, 90, 75, 55, 35];

/// Who asks again: when, from which country, prefix, number and address.
type Again = (i64, String, u32, u16, u32);

/// `starts` starts within `days` days from an empty database on; `in_country` picks where each person lives.
pub(super) fn live(world: &mut World, starts: u32, days: i64, seed: u64, countries: &[(&str, u32, u32)]) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let total: u32 = countries.iter().map(|(_, weight, _)| weight).sum();
    let day: f64 = HOURS.iter().map(|&n| f64::from(n)).sum();
    let per_day = f64::from(starts) / days as f64;
    let mut at = BEGIN as f64;
    // Of those whose code did not come, one in three asks again.
    let mut again: BinaryHeap<Reverse<Again>> = BinaryHeap::new();
    while world.starts < starts {
        let hour = usize::try_from((at as i64 - BEGIN) / HOUR % 24).expect("an hour");
        let per_second = per_day * f64::from(HOURS[hour]) / day / 3600.0;
        at -= (1.0 - rng.f64()).ln() / per_second;
        let now = at as i64;
        while again.peek().is_some_and(|Reverse((when, ..))| *when <= now) {
            let Some(Reverse((when, country, prefix, suffix, ip))) = again.pop() else { break };
            ask(world, &mut rng, when, &country, prefix, suffix, ip);
        }
        let mut pick = rng.u32(..total);
        let (country, _, prefixes) = countries
            .iter()
            .find(|(_, weight, _)| {
                let is_it = pick < *weight;
                pick = pick.wrapping_sub(*weight);
                is_it
            })
            .expect("a country");
        // Some prefixes have many times the people of others.
        let prefix = (f64::from(*prefixes) * rng.f64().powf(1.7)) as u32;
        let suffix = rng.u16(..10_000);
        // One in five shares an address with two hundred others.
        let ip = if rng.u8(..5) == 0 { rng.u32(..starts / 1000) } else { starts + rng.u32(..) / 2 };
        if !ask(world, &mut rng, now, country, prefix, suffix, ip) && rng.u8(..3) == 0 {
            again.push(Reverse((now + rng.i64(45..120), (*country).to_owned(), prefix, suffix, ip)));
        }
    }
}

/// One person asks for a code; whether they typed it in.
fn ask(
    world: &mut World,
    rng: &mut fastrand::Rng,
    now: i64,
    country: &str,
    prefix: u32,
    suffix: u16,
    ip: u32,
) -> bool {
    let number =
        prefix + 100_000 * u32::from(country.as_bytes()[0]) + 10_000_000 * u32::from(country.as_bytes()[1]);
    // Some networks deliver better than others: 40 to 80 of a hundred.
    let rate = 0.4 + 0.4 * f64::from(number.wrapping_mul(2_654_435_761) >> 16) / 65_536.0;
    let answers = (rng.f64() < rate).then(|| rng.i64(10..=90));
    world.start(now, &place(country, number, suffix), Some(ip), answers) && answers.is_some()
}

pub(super) fn assert_few_refused(world: &World, what: &str) {
    let share = world.share_refused();
    println!("{what}: {} starts, {:.4} % refused {:?}", world.starts, share * 100.0, world.refused);
    assert!(share < 0.001, "{what}: {:.4} % refused {:?}", share * 100.0, world.refused);
}

#[test]
fn a_million_starts_in_two_days_of_eight_countries() {
    let mut world = World::new();
    live(&mut world, 1_000_000, 2, 1, &COUNTRIES);
    assert_few_refused(&world, "two days of eight countries");
}

#[test]
fn a_quarter_of_a_million_starts_in_one_small_country() {
    let mut world = World::new();
    live(&mut world, 250_000, 3, 2, &[("CH", 1, 2000)]);
    assert_few_refused(&world, "three days of one small country");
}

#[test]
fn a_small_application_begins() {
    for seed in 0..20 {
        let mut world = World::new();
        live(&mut world, 3000, 3, seed, &[("CH", 1, 2000)]);
        assert_few_refused(&world, "a small application");
    }
}
