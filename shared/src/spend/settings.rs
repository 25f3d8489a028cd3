//! What a cap may be called, and of which shares may be told.

use super::{BUDGET, USUAL_THRESHOLDS};

/// Most thresholds of a cap.
pub const MAX_THRESHOLDS: usize = 10;

/// A text that no cap can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 40 of a-z, 0-9, _ and -, beginning with a letter, and not {BUDGET}")]
pub struct InvalidCapName;

/// Checks what a cap is called.
///
/// # Errors
/// [`InvalidCapName`].
pub fn check_cap_name(name: &str) -> Result<(), InvalidCapName> {
    let plain = name.len() <= 40
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'));
    if plain && name != BUDGET { Ok(()) } else { Err(InvalidCapName) }
}

/// Shares that nobody can be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be up to {MAX_THRESHOLDS} shares in percent, 1 to 100")]
pub struct InvalidThresholds;

/// The thresholds that are wanted, each once and in order, or the usual ones.
///
/// # Errors
/// [`InvalidThresholds`] if they are too many, or no shares.
pub fn thresholds(wanted: Option<Vec<i16>>) -> Result<Vec<i16>, InvalidThresholds> {
    let mut thresholds = wanted.unwrap_or_else(|| USUAL_THRESHOLDS.to_vec());
    thresholds.sort_unstable();
    thresholds.dedup();
    let are_shares = thresholds.iter().all(|share| (1..=100).contains(share));
    if are_shares && thresholds.len() <= MAX_THRESHOLDS { Ok(thresholds) } else { Err(InvalidThresholds) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_plain_and_no_budget() {
        for name in ["a", "in-2026_q4", &"a".repeat(40)] {
            assert_eq!(check_cap_name(name), Ok(()), "{name}");
        }
        for name in ["", "Big", "4u", "a b", "é", "a\0", BUDGET, &"a".repeat(41)] {
            assert_eq!(check_cap_name(name), Err(InvalidCapName), "{name}");
        }
    }

    #[test]
    fn thresholds_are_shares_in_order() {
        assert_eq!(thresholds(None), Ok(vec![50, 80, 100]));
        assert_eq!(thresholds(Some(vec![90, 1, 90, 100])), Ok(vec![1, 90, 100]));
        assert_eq!(thresholds(Some(Vec::new())), Ok(Vec::new()));
        for wrong in [vec![0], vec![101], vec![-1], (1..=11).collect()] {
            assert_eq!(thresholds(Some(wrong.clone())), Err(InvalidThresholds), "{wrong:?}");
        }
    }
}
