//! `smsgw mock-provider`: the fake vendor as a process of its own.

use anyhow::{Context, Result};
use mock_provider::Options;

use crate::gateway::stop_on_signal;

/// Runs until interrupted.
pub(crate) async fn run(options: Options) -> Result<()> {
    let stop = stop_on_signal()?;
    let address = options.listen;
    mock_provider::run(options, stop.cancelled_owned())
        .await
        .with_context(|| format!("the mock provider cannot run on {address}"))
}
