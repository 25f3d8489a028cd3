//! Traces for a collector. Without the feature `otlp` there are none, and who set a variable for them is told.

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

    /// Warns, once, whoever expects them. When logging has begun.
    pub(crate) fn check(&self) {
        let mut variables = std::env::vars_os().filter(|(_, value)| !value.is_empty()).map(|(name, _)| name);
        let expected = variables.find(|name| name.to_string_lossy().starts_with("OTEL_EXPORTER_OTLP_"));
        if let Some(variable) = expected {
            let variable = variable.to_string_lossy();
            tracing::warn!(%variable, "no traces are exported: this smsgw was built without the feature otlp");
        }
    }

    /// Nobody listens.
    pub(crate) fn listener(&self) -> Option<shared::telemetry::Listener> {
        None
    }

    /// Nothing is left to be sent.
    pub(crate) fn flush(self) {}
}
