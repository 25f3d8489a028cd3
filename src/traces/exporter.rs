//! Sends spans to the collector, from a thread of its own. A collector that is away costs its spans and nothing else.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use shared::telemetry::Listener;

use super::listener;
use super::settings;

/// How long the last spans may take when the program ends.
const PATIENCE: Duration = Duration::from_secs(3);

/// The spans of this process on their way to a collector, if a variable names one.
pub(crate) struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// Reads the standard variables.
    ///
    /// # Errors
    /// When one of them cannot be used. Whether a collector is there does not matter.
    pub(crate) fn start() -> Result<Self> {
        if !settings::names_collector()? {
            return Ok(Self(None));
        }
        // The exporter's client may be asked for TLS.
        shared::provider::http::install_crypto();
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .build()
            .context("traces cannot be exported")?;
        let resource = Resource::builder().with_attributes(settings::usual_name()).build();
        let exporter = Patient { exporter, away: AtomicBool::new(false) };
        let provider = SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(exporter);
        Ok(Self(Some(provider.build())))
    }

    /// What would keep them from being exported was an error of [`Traces::start`].
    pub(crate) fn check(&self) {}

    /// Turns our spans into those of a trace.
    pub(crate) fn listener(&self) -> Option<Listener> {
        self.0.as_ref().map(|provider| listener::new(provider.tracer("smsgw")))
    }

    /// Sends what is left. To be called when nothing is under way any more.
    pub(crate) fn flush(self) {
        let Some(provider) = self.0 else { return };
        if let Err(error) = provider.shutdown_with_timeout(PATIENCE) {
            tracing::debug!(%error, "the last spans were not sent");
        }
    }
}

/// Tells of trouble once, not with each batch.
#[derive(Debug)]
struct Patient {
    exporter: opentelemetry_otlp::SpanExporter,
    away: AtomicBool,
}

impl SpanExporter for Patient {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        match self.exporter.export(batch).await {
            Ok(()) => {
                if self.away.swap(false, Ordering::Relaxed) {
                    tracing::info!("the collector takes traces again");
                }
            }
            Err(error) => {
                if !self.away.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "the collector takes no traces; they are lost until it does");
                }
            }
        }
        // What failed is told: whoever asked would tell it again.
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
