//! Metrics: what was asked, accepted and refused, and how long answers took.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};
pub use metrics_exporter_prometheus::PrometheusHandle;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use shared::guard::Rule;
use shared::lane::Lane;
use shared::store::otp_checks::CheckOutcome;
use shared::store::receipts::ReceiptStatus;

use crate::problem::kinds;

/// Answers in seconds: from a coalesced insert to a request that waited for the database.
const SECONDS: [f64; 13] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
/// From acceptance to a provider's yes: from a code on an idle gateway to a campaign's last text.
const SENT_SECONDS: [f64; 18] = [
    0.001, 0.002, 0.004, 0.008, 0.012, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1800.0,
    7200.0,
];
/// A provider's answers, up to the longest time a call may take.
const CALL_SECONDS: [f64; 12] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0];
/// Rows of a claim.
const ROWS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 500.0];
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
    let buckets: [(Matcher, &[f64]); 4] = [
        (Matcher::Suffix("_seconds".to_owned()), &SECONDS),
        (Matcher::Full("smsgw_accept_to_sent_seconds".to_owned()), &SENT_SECONDS),
        (Matcher::Full("smsgw_attempt_seconds".to_owned()), &CALL_SECONDS),
        (Matcher::Full("smsgw_claim_size".to_owned()), &ROWS),
    ];
    let builder = buckets.into_iter().fold(PrometheusBuilder::new(), |builder, (name, buckets)| {
        builder.set_buckets_for_metric(name, buckets).expect("no list of buckets is empty")
    });
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

/// Every status the API answers with.
const STATUSES: [u16; 19] =
    [200, 202, 204, 400, 401, 403, 404, 405, 408, 409, 410, 413, 414, 415, 422, 429, 431, 500, 503];
/// Another one is counted as 500.
const UNKNOWN: usize = STATUSES.len() - 2;

/// Handles of the metrics every request touches, looked up once.
#[derive(Debug)]
pub(crate) struct Measures {
    accepted: [Counter; 3],
    durations: [Histogram; Door::ALL.len()],
    /// Messages in doubt that a receipt has settled.
    pub(crate) settled_by_receipt: Counter,
    /// By door and status, each looked up when it first happens.
    requests: [[OnceLock<Counter>; STATUSES.len()]; Door::ALL.len()],
}

impl Measures {
    pub(crate) fn new() -> Self {
        describe_counter!("smsgw_accepted_total", "Messages committed to the outbox, by lane");
        describe_counter!("smsgw_refused_total", "Requests and batch messages refused, by code");
        describe_counter!("smsgw_requests_total", "Requests answered, by door and status");
        // The worker's part, too: whoever shows metrics passes here.
        describe_gauge!(
            "smsgw_database_away",
            "By part: 0 while it has its database; a worker without it sends nothing"
        );
        describe_histogram!(
            "smsgw_request_seconds",
            Unit::Seconds,
            "Time from a request's head to its answer, by door; without what its caller preferred to wait"
        );
        describe_counter!(
            "smsgw_receipts_total",
            "Receipts believed, by provider and what they say; also those that say nothing new"
        );
        describe_counter!("smsgw_inbound_total", "Inbound texts believed, by provider");
        describe_counter!(
            "smsgw_settled_by_receipt_total",
            "Messages in doubt that are not sent again because of a receipt"
        );
        for kind in kinds::ALL {
            // Shown before it happens, so that the first one is seen, too.
            let _ = counter!("smsgw_refused_total", "code" => kind.code);
        }
        Self {
            settled_by_receipt: counter!("smsgw_settled_by_receipt_total"),
            accepted: Lane::ALL.map(|lane| counter!("smsgw_accepted_total", "lane" => lane.as_str())),
            durations: Door::ALL.map(|door| histogram!("smsgw_request_seconds", "door" => door.as_str())),
            requests: Default::default(),
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
    pub(crate) fn answered(&self, door: Door, status: StatusCode, took: Duration) {
        self.durations[door as usize].record(took);
        let place = STATUSES.iter().position(|one| *one == status.as_u16()).unwrap_or(UNKNOWN);
        self.requests[door as usize][place]
            .get_or_init(|| {
                let status = STATUSES[place].to_string();
                counter!("smsgw_requests_total", "door" => door.as_str(), "status" => status)
            })
            .increment(1);
    }
}

/// What a receipt can say.
const RECEIPTS: [ReceiptStatus; 3] =
    [ReceiptStatus::Sent, ReceiptStatus::Delivered, ReceiptStatus::Undelivered];

/// Metrics of what one provider posts to us; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct WebhookMeasures {
    receipts: [Counter; RECEIPTS.len()],
    pub(crate) inbound: Counter,
}

impl WebhookMeasures {
    pub(crate) fn new(provider: &str) -> Self {
        let receipts = |status: ReceiptStatus| {
            let labels = [("provider", provider.to_owned()), ("status", status.as_str().to_owned())];
            counter!("smsgw_receipts_total", &labels)
        };
        Self {
            receipts: RECEIPTS.map(receipts),
            inbound: counter!("smsgw_inbound_total", "provider" => provider.to_owned()),
        }
    }

    /// A receipt was believed.
    pub(crate) fn receipt(&self, status: ReceiptStatus) {
        if let Some(place) = RECEIPTS.iter().position(|one| *one == status) {
            self.receipts[place].increment(1);
        }
    }
}

/// How many of the intake's connections are without their database.
pub(crate) fn database_away() -> Gauge {
    gauge!("smsgw_database_away", "part" => "intake")
}

/// How much of the texts that could wait to be stored may.
pub(crate) fn intake_share() -> Gauge {
    describe_gauge!(
        "smsgw_intake_share",
        "Part of the texts that could wait to be stored that may; falls while codes wait to be"
    );
    gauge!("smsgw_intake_share")
}

/// Whether codes are guessed at so widely that the brake holds.
pub(crate) fn brake() -> Gauge {
    describe_gauge!("smsgw_otp_brake", "1 while codes are guessed at and so have eight digits");
    gauge!("smsgw_otp_brake")
}

/// What the pumping guard said of sends, by its rule.
pub(crate) fn guard_decisions() -> HashMap<Rule, Counter> {
    describe_counter!(
        "smsgw_guard_decisions_total",
        "What the pumping guard said of codes to send, by outcome and rule; enforced or only observed"
    );
    let counter = |rule: Rule| counter!("smsgw_guard_decisions_total", "outcome" => rule.outcome().as_str(), "rule" => rule.as_str());
    Rule::ALL.into_iter().map(|rule| (rule, counter(rule))).collect()
}

/// Checks of codes, by how they ended; in the order of [`CheckOutcome::ALL`].
pub(crate) fn checks() -> [Counter; 5] {
    describe_counter!("smsgw_otp_checks_total", "Checks of codes, by outcome");
    CheckOutcome::ALL.map(|outcome| counter!("smsgw_otp_checks_total", "outcome" => outcome.as_str()))
}
