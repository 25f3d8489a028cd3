//! Attacks: the first hour of each, and a day of it.

use super::*;

/// Fakes of a day in one prefix, beyond which an attack would pay: an hour's, and what looks whether it is over.
const DAY_OF_A_PREFIX: u32 = 40;

/// One number after the other, or anywhere in the prefix.
fn suffixes(random: bool) -> impl FnMut(&mut fastrand::Rng) -> u16 {
    let mut next = 0;
    move |rng| {
        next = if random { rng.u16(..10_000) } else { (next + 1) % 10_000 };
        next
    }
}

#[test]
fn one_prefix_at_every_pace() {
    for pace in [1, 5, 20, 60, 90, 100, 110, 120, 150, 300, 600, 1200] {
        for random in [false, true] {
            let (mut world, mut rng) = (World::new(), fastrand::Rng::with_seed(pace));
            let mut suffix = suffixes(random);
            let mut now = BEGIN;
            while now < BEGIN + DAY {
                world.start(now, &place("XK", 1, suffix(&mut rng)), None, None);
                now += i64::try_from(pace).expect("seconds");
            }
            let what =
                format!("one prefix, every {pace} s, {}", if random { "anywhere" } else { "in a row" });
            world.assert_bars(&what);
            let [_, day] = world.most_fakes(&world.fakes);
            assert!(day <= DAY_OF_A_PREFIX, "{what}: {day} fakes in a day");
        }
    }
}

#[test]
fn a_thousand_prefixes_of_one_country() {
    for pace_ms in [10, 100, 1000, 5000] {
        let (mut world, mut rng) = (World::new(), fastrand::Rng::with_seed(pace_ms));
        for n in 0..(DAY as u64 * 1000 / pace_ms).min(300_000) {
            let now = BEGIN + i64::try_from(n * pace_ms / 1000).expect("seconds");
            world.start(now, &place("XK", rng.u32(..1000), rng.u16(..10_000)), None, None);
        }
        world.assert_bars(&format!("1,000 prefixes, every {pace_ms} ms"));
    }
}

#[test]
fn two_hundred_addresses() {
    for (countries, pace) in [(1, 1), (20, 1), (1, 30)] {
        let (mut world, mut rng) = (World::new(), fastrand::Rng::with_seed(7));
        for n in 0..20_000 {
            let country = format!("X{}", rng.u8(..countries));
            let to = place(&country, rng.u32(..5000), rng.u16(..10_000));
            world.start(BEGIN + n * pace, &to, Some(rng.u32(..200)), None);
        }
        world.assert_bars(&format!("200 addresses to {countries} countries, every {pace} s"));
        let sent: u32 = world.fakes.values().map(|counts| counts[0]).sum();
        assert!(sent <= 2000, "{sent} by 200 addresses with ten credits each");
    }
}

#[test]
fn a_slow_drip() {
    for pace in [60, 120, 125] {
        let (mut world, mut rng) = (World::new(), fastrand::Rng::with_seed(11));
        for n in 0..DAY / pace {
            world.start(BEGIN + n * pace, &place("XK", 1, rng.u16(..10_000)), Some(1), None);
        }
        world.assert_bars(&format!("a drip every {pace} s"));
    }
}

#[test]
fn one_in_ten_verified() {
    for (prefixes, pace) in [(1, 1), (1, 60), (1, 100), (1, 110), (1, 125), (1000, 1), (50, 2)] {
        for seed in 0..20 {
            let (mut world, mut rng) = (World::new(), fastrand::Rng::with_seed(seed));
            let mut lucky = 0;
            for n in 0..(DAY / pace).min(20_000) {
                if n % 10 == 0 {
                    lucky = rng.i64(..10);
                }
                let to = place("XK", rng.u32(..prefixes), rng.u16(..10_000));
                let answers = (n % 10 == lucky).then(|| rng.i64(5..30));
                world.start(BEGIN + n * pace, &to, None, answers);
            }
            world.assert_bars(&format!("a tenth verified, {prefixes} prefixes every {pace} s, seed {seed}"));
        }
    }
}

/// The attacker verifies where it helps most: first of all, and whenever a tenth is reached.
#[test]
fn one_in_ten_verified_at_the_best_moments() {
    for pace in [60, 100, 120, 125, 150] {
        let (mut world, mut rng) = (World::new(), fastrand::Rng::with_seed(3));
        for n in 0..DAY / pace {
            let answers = (n % 10 == 0).then_some(5);
            world.start(BEGIN + n * pace, &place("XK", 1, rng.u16(..10_000)), None, answers);
        }
        world.assert_bars(&format!("every tenth verified, every {pace} s"));
    }
}

/// Whoever owns a number cannot earn credits with it for others.
#[test]
fn one_number_verified_again_and_again_earns_nothing() {
    let mut world = World::new();
    for n in 0..50 {
        world.start(BEGIN + n * 30, &place("XK", 1, 5), None, Some(5));
    }
    let full = f64::from(world.settings.credits_prefix);
    assert!(world.prefixes["+991"].credits <= full);
    assert_eq!(share_of(&world, "XK", BEGIN + HOUR), Counts { sent: 1, verified: 1 });
}

#[test]
fn a_busy_honest_prefix_is_no_cover() {
    let (mut world, mut rng) = (World::new(), fastrand::Rng::with_seed(5));
    for n in 0..DAY / 300 {
        world.start(BEGIN + n * 300, &place("XK", 1, rng.u16(..10_000)), None, Some(20));
    }
    assert!(world.refused.is_empty(), "{:?}", world.refused);
    let begin = BEGIN + DAY;
    for n in 0..HOUR {
        world.start(begin + n, &place("XK", 1, rng.u16(..10_000)), None, None);
    }
    let [_, sent] = world.fakes["+991"];
    assert!(sent <= 40, "{sent} fakes in an hour in a prefix that has 12 honest starts an hour");
}

/// Where codes come back a country has earned credits: what an attack from everywhere costs stays in proportion.
#[test]
fn a_country_with_honest_people_loses_six_of_its_usual_hours() {
    for an_hour in [20, 200, 900] {
        let (mut world, mut rng) = (World::new(), fastrand::Rng::with_seed(13));
        let (gap, begin) = (HOUR / an_hour, BEGIN + 2 * DAY);
        for n in 0..2 * DAY / gap {
            let honest = place("CH", 5000 + rng.u32(..2000), rng.u16(..10_000));
            world.start(BEGIN + n * gap, &honest, None, (rng.u8(..10) < 6).then_some(20));
        }
        let before = world.fakes_of_country["CH"][1];
        for n in 0..HOUR * 10 {
            let fake = place("CH", rng.u32(..5000), rng.u16(..10_000));
            world.start(begin + n / 10, &fake, None, None);
        }
        let fakes = world.fakes_of_country["CH"][1] - before;
        // Honest codes on their way return some, too.
        let most = u32::try_from(6 * an_hour + an_hour / 20).expect("few").max(200);
        println!("{an_hour} honest an hour: {fakes} fakes");
        assert!(fakes <= most, "{fakes} fakes where {an_hour} an hour are usual");
    }
}
