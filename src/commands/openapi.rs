//! `smsgw openapi`: the HTTP API described for programs.

use anyhow::Result;

use crate::print;

/// Prints the description; `docs/openapi.json` is this.
pub(crate) fn run() -> Result<()> {
    print::write(&api::openapi::text())
}
