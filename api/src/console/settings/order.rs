//! The order in which providers are tried, as priorities that make it so.

/// A provider in the wanted order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) name: String,
    /// Its priority, where settings of the environment say it.
    pub(super) fixed: Option<i32>,
}

/// Why an order cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unorderly {
    /// Two of them are of the environment, the other way round.
    #[error("the order among providers of the environment is set by SMSGW_PROVIDER_ORDER")]
    Environment,
    /// No priority is free between two providers of the environment.
    #[error("there is no room between providers of the environment; move it before or behind both")]
    Full,
}

/// Room between priorities, for providers that the command line adds.
const STEP: i32 = 10;

/// Priorities for those that have no fixed one, by which all are tried in the order given.
pub(super) fn priorities(order: &[Place]) -> Result<Vec<(String, i32)>, Unorderly> {
    let mut found = Vec::new();
    let mut waiting: Vec<&Place> = Vec::new();
    let mut last: Option<(i32, &str)> = None;
    for place in order {
        let Some(fixed) = place.fixed else {
            waiting.push(place);
            continue;
        };
        if last.is_some_and(|last| last > (fixed, &place.name)) {
            return Err(Unorderly::Environment);
        }
        // Those that wait go right before it.
        let count = i32::try_from(waiting.len()).map_err(|_| Unorderly::Full)?;
        let first = fixed.checked_sub(count).ok_or(Unorderly::Full)?;
        if count > 0 && last.is_some_and(|(last, _)| last >= first) {
            return Err(Unorderly::Full);
        }
        found.extend((first..).zip(waiting.drain(..)).map(|(priority, one)| (one.name.clone(), priority)));
        last = Some((fixed, &place.name));
    }
    let mut next = last.map_or(0, |(last, _)| last);
    for place in waiting {
        next = next.checked_add(STEP).ok_or(Unorderly::Full)?;
        found.push((place.name.clone(), next));
    }
    Ok(found)
}

/// The order with `name` moved before another, or to the end; `None` if there are no such providers.
pub(super) fn moved(mut order: Vec<Place>, name: &str, before: Option<&str>) -> Option<Vec<Place>> {
    let from = order.iter().position(|place| place.name == name)?;
    let place = order.remove(from);
    let to = match before {
        None => order.len(),
        Some(before) if before == name => from,
        Some(before) => order.iter().position(|place| place.name == before)?,
    };
    order.insert(to, place);
    Some(order)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn places(texts: &[(&str, Option<i32>)]) -> Vec<Place> {
        texts.iter().map(|&(name, fixed)| Place { name: name.to_owned(), fixed }).collect()
    }

    /// The names as workers order them.
    fn tried(order: &[Place], found: &[(String, i32)]) -> Vec<String> {
        let fixed = order.iter().filter_map(|place| Some((place.fixed?, place.name.clone())));
        let mut all: Vec<_> = fixed.chain(found.iter().map(|(name, at)| (*at, name.clone()))).collect();
        all.sort();
        all.into_iter().map(|(_, name)| name).collect()
    }

    #[test]
    fn one_is_moved_before_another_or_to_the_end() {
        let order = places(&[("a", None), ("b", None), ("c", None)]);
        let names = |order: Vec<Place>| order.into_iter().map(|place| place.name).collect::<String>();
        assert_eq!(moved(order.clone(), "c", Some("a")).map(names), Some("cab".to_owned()));
        assert_eq!(moved(order.clone(), "a", Some("c")).map(names), Some("bac".to_owned()));
        assert_eq!(moved(order.clone(), "a", None).map(names), Some("bca".to_owned()));
        assert_eq!(moved(order.clone(), "b", Some("b")).map(names), Some("abc".to_owned()));
        assert_eq!(moved(order.clone(), "x", None), None);
        assert_eq!(moved(order, "a", Some("x")), None);
    }

    #[test]
    fn the_environment_keeps_its_own_order() {
        let order = places(&[("2factor", Some(20)), ("twilio", Some(10))]);
        assert_eq!(priorities(&order), Err(Unorderly::Environment));
        let mut order = vec![Place { name: "twilio".to_owned(), fixed: Some(10) }];
        order.extend((0..10).map(|n| Place { name: n.to_string(), fixed: None }));
        order.push(Place { name: "2factor".to_owned(), fixed: Some(20) });
        assert_eq!(priorities(&order), Err(Unorderly::Full));
    }

    proptest! {
        #[test]
        fn priorities_make_the_order(kinds in prop::collection::vec(prop::option::of(0..3_i32), 0..12)) {
            let mut fixed = 0;
            let order: Vec<_> = kinds.iter().enumerate().map(|(n, kind)| {
                let name = format!("p{}", (n * 7) % 13);
                Place { name, fixed: kind.map(|step| { fixed += 10 * (step + 1); fixed }) }
            }).collect();
            match priorities(&order) {
                Ok(found) => {
                    let wanted: Vec<_> = order.iter().map(|place| place.name.clone()).collect();
                    prop_assert_eq!(tried(&order, &found), wanted);
                }
                Err(error) => prop_assert_eq!(error, Unorderly::Full),
            }
        }
    }
}
