//! Waiting for a condition, never for a time.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// How long a condition may take before the test fails.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// Asks until the answer is `Some`, and returns it; fails after [`PATIENCE`], saying what was awaited.
pub async fn eventually<T, F: Future<Output = Option<T>>>(awaited: &str, ask: impl FnMut() -> F) -> T {
    within(PATIENCE, awaited, ask).await
}

/// As [`eventually`], with a time of its own.
pub async fn within<T, F: Future<Output = Option<T>>>(
    patience: Duration,
    awaited: &str,
    mut ask: impl FnMut() -> F,
) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(began.elapsed() < patience, "waited {patience:?} in vain for {awaited}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Asks until the answer equals `wanted`.
pub async fn becomes<T: PartialEq + Debug, F: Future<Output = T>>(wanted: T, mut ask: impl FnMut() -> F) {
    let began = Instant::now();
    loop {
        let answer = ask().await;
        if answer == wanted {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "waited {PATIENCE:?} for {wanted:?}, it is {answer:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Fails unless nine of ten of `times` stay below `limit`: a machine that is busy with other tests holds up one now and
/// then.
pub fn nearly_all_below(limit: Duration, mut times: Vec<Duration>) {
    times.sort_unstable();
    assert!(times[(times.len() * 9 - 1) / 10] < limit, "{times:.2?}");
}
