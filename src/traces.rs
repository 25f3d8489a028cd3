//! Traces for a collector. Without the feature `otlp` there are none, and nothing is looked at.

#[cfg(feature = "otlp")]
mod exporter;
#[cfg(feature = "otlp")]
mod listener;
#[cfg(feature = "otlp")]
mod settings;

#[cfg(feature = "otlp")]
pub(crate) use exporter::Traces;

/// Traces of a program that was built without them.
#[cfg(not(feature = "otlp"))]
pub(crate) struct Traces;

#[cfg(not(feature = "otlp"))]
impl Traces {
    /// Exports nothing, whatever the variables say.
    pub(crate) fn start() -> anyhow::Result<Self> {
        Ok(Self)
    }

    /// Nobody listens.
    pub(crate) fn listener(&self) -> Option<shared::telemetry::Listener> {
        None
    }

    /// Nothing is left to be sent.
    pub(crate) fn flush(self) {}
}
