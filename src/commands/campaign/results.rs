//! `smsgw campaign results`: what became of each recipient, written as it comes.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};
use reqwest::Response;
use serde_json::json;

use crate::call::{Gateway, PATIENCE, piece};
use crate::cli::ResultsArgs;
use crate::commands::campaign::path;
use crate::print::Printer;

/// Writes the results to a file or to standard output.
pub(super) async fn run(gateway: &Gateway, args: &ResultsArgs, printer: Printer) -> Result<()> {
    let format = if printer.is_for_programs() { "ndjson" } else { "csv" };
    let answer = gateway.download(&path(args.of, &format!("/results?format={format}"))).await?;
    let Some(file) = &args.output else {
        return copy(answer, &mut BufWriter::new(std::io::stdout())).await.map(drop);
    };
    let mut out = create(file)?;
    let bytes = copy(answer, &mut out).await.with_context(|| format!("{} is not whole", file.display()))?;
    let name = file.display().to_string();
    printer.show(&json!({ "written": name, "bytes": bytes }), || format!("written: {name}"))
}

fn create(path: &Path) -> Result<BufWriter<File>> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(BufWriter::new(file))
}

async fn copy(mut answer: Response, out: &mut impl Write) -> Result<usize> {
    let mut bytes = 0;
    while let Some(some) = piece(&mut answer, PATIENCE).await? {
        out.write_all(&some)?;
        bytes += some.len();
    }
    out.flush()?;
    Ok(bytes)
}
