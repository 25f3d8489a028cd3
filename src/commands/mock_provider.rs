//! `smsgw mock-provider`: the fake vendor as a process of its own.

use anyhow::{Context, Result};
use mock_provider::{Options, Server};

use crate::gateway::stop_on_signal;
use crate::print::Printer;

/// Runs until interrupted.
pub(crate) async fn run(options: Options, printer: Printer) -> Result<()> {
    let stop = stop_on_signal()?;
    let wished = options.listen;
    let server = Server::bind(&options).with_context(|| format!("cannot listen on {wished}"))?;
    let url = format!("http://{}", server.address()?);
    printer.show(&serde_json::json!({ "url": url }), || {
        format!("mock provider on {url}: both vendors, and /_mock to script and count")
    })?;
    server.serve(stop.cancelled_owned()).await;
    Ok(())
}
