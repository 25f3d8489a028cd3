//! Logs: a readable sentence plus fields; no bodies, full numbers or keys. Traces go elsewhere, if anywhere.

use tracing_subscriber::prelude::*;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::trace;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// Whatever hears of spans and events, with a filter of its own.
pub type Listener = Box<dyn Layer<Registry> + Send + Sync>;

/// Starts logging to standard error; `RUST_LOG` overrides `default_filter`. `exporter` hears of the spans that are not
/// logged. Later calls do nothing.
pub fn start(format: LogFormat, default_filter: &str, exporter: Option<Listener>) {
    let wanted = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default_filter));
    let mut listeners = vec![lines(format).with_filter(logged(wanted)).boxed()];
    listeners.extend(exporter);
    if tracing_subscriber::registry().with(listeners).try_init().is_err() {
        tracing::debug!("logging was already started");
    }
}

/// What `RUST_LOG` has no say in: spans that nobody exports must cost nothing, and the exporter's library repeats with
/// each batch what is told once.
const NOT_LOGGED: [&str; 2] = [trace::TARGET, "opentelemetry-otlp"];

fn logged(wanted: EnvFilter) -> EnvFilter {
    NOT_LOGGED.into_iter().fold(wanted, |filter, target| {
        filter.add_directive(format!("{target}=off").parse().expect("a target and a level"))
    })
}

fn lines(format: LogFormat) -> Listener {
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Text => lines.with_target(false).boxed(),
        LogFormat::Json => {
            // A line of JSON too, where the usual text has several lines.
            std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "a part of the program panicked")));
            lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing::{info_span, subscriber};

    use super::*;

    #[test]
    fn logging_everything_does_not_turn_spans_on_that_nobody_exports() {
        let log = lines(LogFormat::Text).with_filter(logged(EnvFilter::new("trace,smsgw=trace")));
        subscriber::with_default(tracing_subscriber::registry().with(log), || {
            assert!(!info_span!("of another target").is_disabled());
            let span = info_span!(target: trace::TARGET, "accept");
            assert!(span.is_disabled());
            assert_eq!(trace::name_of(&span), None);
        });
    }
}
