//! Metrics: what was accepted and refused, and how long answers took.

use std::sync::OnceLock;
use std::time::Duration;

use axum::http::Method;
use metrics::{Counter, Histogram, counter, describe_counter, describe_histogram, histogram};
pub use metrics_exporter_prometheus::PrometheusHandle;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use shared::lane::Lane;

/// Answers in seconds: from a coalesced insert to a request that waited for the database.
const SECONDS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 5.0];
/// How often what was observed is put into buckets; in between it takes memory.
const UPKEEP: Duration = Duration::from_secs(5);

/// Makes this process keep metrics, of all its parts, and returns the handle that shows them. Later
/// calls return the same handle.
///
/// Must be called within a runtime, which keeps the metrics tidy.
pub fn install_metrics() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(install).clone()
}

fn install() -> PrometheusHandle {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .expect("the list of buckets is not empty");
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::warn!("another recorder of metrics was set before; /metrics will be empty");
    }
    let tidied = handle.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            tidied.run_upkeep();
        }
    });
    handle
}

/// Requests of one kind, as metrics tell them apart. A fixed list: made-up paths make no series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    SendTransactional,
    SendBatch,
    OtpSend,
    OtpVerify,
    OtpResend,
    Messages,
    Settings,
    Other,
}

impl Door {
    const ALL: [Self; 8] = [
        Self::SendTransactional,
        Self::SendBatch,
        Self::OtpSend,
        Self::OtpVerify,
        Self::OtpResend,
        Self::Messages,
        Self::Settings,
        Self::Other,
    ];

    /// The door a request knocks at.
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        match path {
            "/sms/send-transactional" => Self::SendTransactional,
            "/sms/send-batch" => Self::SendBatch,
            "/otp/send" => Self::OtpSend,
            "/otp/verify" => Self::OtpVerify,
            "/otp/resend" => Self::OtpResend,
            path if path.starts_with("/sms/messages") && method == Method::GET => Self::Messages,
            path if path.starts_with("/settings/") => Self::Settings,
            _ => Self::Other,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::SendTransactional => "send_transactional",
            Self::SendBatch => "send_batch",
            Self::OtpSend => "otp_send",
            Self::OtpVerify => "otp_verify",
            Self::OtpResend => "otp_resend",
            Self::Messages => "messages",
            Self::Settings => "settings",
            Self::Other => "other",
        }
    }
}

/// Handles of the metrics every request touches, looked up once.
#[derive(Debug)]
pub(crate) struct Measures {
    accepted: [Counter; 3],
    durations: [Histogram; 8],
}

impl Measures {
    pub(crate) fn new() -> Self {
        describe_counter!("smsgw_accepted_total", "Messages committed to the outbox, by lane");
        describe_counter!("smsgw_refused_total", "Requests and batch messages refused, by code");
        describe_histogram!("smsgw_request_seconds", "Time from a request's head to its answer, by door");
        Self {
            accepted: Lane::ALL.map(|lane| counter!("smsgw_accepted_total", "lane" => lane.as_str())),
            durations: Door::ALL.map(|door| histogram!("smsgw_request_seconds", "door" => door.as_str())),
        }
    }

    /// Messages were committed.
    pub(crate) fn accepted(&self, lane: Lane, count: usize) {
        self.accepted[lane as usize].increment(u64::try_from(count).unwrap_or(u64::MAX));
    }

    /// A request or a message of a batch was refused.
    pub(crate) fn refused(code: &'static str) {
        counter!("smsgw_refused_total", "code" => code).increment(1);
    }

    /// A request was answered.
    pub(crate) fn answered(&self, door: Door, took: Duration) {
        self.durations[door as usize].record(took);
    }
}
