//! Turns our spans into OpenTelemetry's. A span's parent is what its field `traceparent` names, mostly in another
//! process; inside one process spans are not nested.

use std::collections::HashMap;
use std::fmt::Debug;

use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{Span as _, SpanBuilder, SpanContext, SpanKind, Status};
use opentelemetry::trace::{TraceFlags, Tracer as _};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, Span};
use shared::telemetry::Listener;
use shared::trace::{TARGET, TraceParent};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::{Layer, Registry, layer};

/// Hears of the spans that are meant to be exported and of nothing else.
pub(super) fn new(tracer: SdkTracer) -> Listener {
    ToCollector { tracer }.with_filter(Targets::new().with_target(TARGET, LevelFilter::INFO)).boxed()
}

struct ToCollector {
    tracer: SdkTracer,
}

impl Layer<Registry> for ToCollector {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: layer::Context<'_, Registry>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let exported = fields.start(span.name(), &self.tracer);
        let mut extensions = span.extensions_mut();
        extensions.insert(TraceParent(name(exported.span_context())));
        extensions.insert(exported);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: layer::Context<'_, Registry>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        values.record(&mut fields);
        if let Some(exported) = span.extensions_mut().get_mut::<Span>() {
            fields.add_to(exported);
        }
    }

    fn on_close(&self, id: Id, context: layer::Context<'_, Registry>) {
        let exported = context.span(&id).and_then(|span| span.extensions_mut().remove::<Span>());
        // Ends it. Here, with the extensions free again: a full queue is logged.
        drop(exported);
    }
}

/// What a span says of itself.
#[derive(Default)]
struct Fields {
    parent: Option<Context>,
    kind: Option<SpanKind>,
    error: Option<String>,
    attributes: Vec<KeyValue>,
}

impl Fields {
    fn start(self, name: &'static str, tracer: &SdkTracer) -> Span {
        let mut builder = SpanBuilder::from_name(name).with_attributes(self.attributes);
        builder.span_kind = self.kind;
        tracer.build_with_context(builder, &self.parent.unwrap_or_default())
    }

    fn add_to(self, exported: &mut Span) {
        exported.set_attributes(self.attributes);
        if let Some(error) = self.error {
            exported.set_status(Status::error(error));
        }
    }

    fn keep(&mut self, field: &Field, value: impl Into<Value>) {
        self.attributes.push(KeyValue::new(field.name(), value));
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        match (field.name(), value) {
            ("traceparent", value) => self.parent = Some(parent(value)),
            ("otel.kind", "server") => self.kind = Some(SpanKind::Server),
            ("otel.kind", "client") => self.kind = Some(SpanKind::Client),
            ("error", value) => self.error = Some(value.to_owned()),
            (_, value) => self.keep(field, value.to_owned()),
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.keep(field, i64::try_from(value).unwrap_or(i64::MAX));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.keep(field, format!("{value:?}"));
    }
}

/// The span that a `traceparent` names; none if it names none.
fn parent(text: &str) -> Context {
    let carrier = HashMap::from([("traceparent".to_owned(), text.to_owned())]);
    TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier)
}

/// W3C Recommendation of 2021-11-23, section 3.2.2.
fn name(span: &SpanContext) -> String {
    let flags = span.trace_flags() & TraceFlags::SAMPLED;
    format!("00-{}-{}-{:02x}", span.trace_id(), span.span_id(), flags)
}
