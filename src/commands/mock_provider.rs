//! `smsgw mock-provider`: the fake vendor as a process of its own.

use anyhow::{Context, Result};
use mock_provider::{Options, Server};

use crate::gateway::stop_on_signal;

/// Runs until interrupted.
pub(crate) async fn run(options: Options) -> Result<()> {
    let stop = stop_on_signal()?;
    let wished = options.listen;
    let server = Server::bind(&options).with_context(|| format!("cannot listen on {wished}"))?;
    println!("mock provider on http://{}: both vendors, and /_mock to script and count", server.address()?);
    server.serve(stop.cancelled_owned()).await;
    Ok(())
}
