//! Hours in which no provider takes a code: nobody's fault, and nobody should be turned away for it.

use super::honest::{COUNTRIES, assert_few_refused, live};
use super::*;

#[test]
fn two_hours_without_a_provider_turn_nobody_away() {
    let mut world = World::new();
    world.outage = BEGIN + 34 * HOUR..BEGIN + 36 * HOUR;
    live(&mut world, 500_000, 2, 4, &COUNTRIES);
    assert_few_refused(&world, "an outage of two hours");
}
