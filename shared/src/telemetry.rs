//! Logs: a readable sentence plus fields; no bodies, full numbers or keys.

use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// Starts logging to standard error; `RUST_LOG` overrides `default_filter`. Later calls do nothing.
pub fn start(format: LogFormat, default_filter: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default_filter));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => lines.with_target(false).try_init(),
        LogFormat::Json => {
            // A line of JSON too, where the usual text has several lines.
            std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "a part of the program panicked")));
            lines.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
        }
    };
    if started.is_err() {
        tracing::debug!("logging was already started");
    }
}
