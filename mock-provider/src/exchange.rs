//! What becomes of one vendor request: read, checked against rate and faults, delivered, answered or not.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::http::request::Parts;

use crate::arrival::Arrival;
use crate::fault::{Fault, FaultBody, RetryAfter};
use crate::reply::{self, Reply};
use crate::state::State;
use crate::submission::{Reading, Submission};
use crate::vendor::Vendor;

/// How an exchange ends.
#[derive(Debug)]
pub(crate) enum Ending {
    /// With an answer.
    Answer(Reply),
    /// Never: the client has to give up.
    Hang,
    /// With a TCP reset.
    Reset,
    /// With an answer of one byte per interval.
    Trickle(Reply, Duration),
}

/// An ending, and how long it takes to come.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) ending: Ending,
    pub(crate) delay: Duration,
}

/// Decides a vendor request. What is to be delivered is delivered when this returns, whatever the client does next.
pub(crate) fn decide(state: &State, vendor: Vendor, head: &Parts, body: &Bytes) -> Exchange {
    let exchange = match vendor.read(state, head, body) {
        Reading::Answer(reply) => at_once(Ending::Answer(reply)),
        Reading::Submission(submission) => submit(state, &submission),
    };
    match &exchange.ending {
        Ending::Answer(reply) | Ending::Trickle(reply, _) => {
            state.requests.answered(vendor, reply.status().as_u16());
        }
        Ending::Hang | Ending::Reset => state.requests.unanswered(vendor),
    }
    exchange
}

fn at_once(ending: Ending) -> Exchange {
    Exchange { ending, delay: Duration::ZERO }
}

fn submit(state: &State, submission: &Submission) -> Exchange {
    let vendor = submission.vendor;
    let pace = state.pace(vendor);
    if let Err(over) = pace.admit() {
        return at_once(throttled(vendor, over.retry_after_s.map(RetryAfter::Seconds).as_ref()));
    }
    let latency = pace.latency();
    match state.fault_for(submission) {
        None => Exchange { ending: accept(state, submission), delay: latency },
        Some(Fault::Delay { delay_ms }) => {
            let delay = latency.saturating_add(Duration::from_millis(delay_ms));
            Exchange { ending: accept(state, submission), delay }
        }
        Some(fault) => Exchange { ending: misbehave(state, submission, fault), delay: latency },
    }
}

fn misbehave(state: &State, submission: &Submission, fault: Fault) -> Ending {
    let vendor = submission.vendor;
    match fault {
        Fault::Throttle { retry_after } => throttled(vendor, retry_after.as_ref()),
        Fault::Status { status, body, delivered } => {
            deliver_if(delivered, state, submission);
            Ending::Answer(broken(vendor, status, body))
        }
        Fault::Hang => Ending::Hang,
        Fault::DeliverThenHang => {
            deliver(state, submission);
            Ending::Hang
        }
        Fault::DeliverThenReset => {
            deliver(state, submission);
            Ending::Reset
        }
        Fault::SlowBytes { interval_ms } => {
            let arrival = deliver(state, submission);
            Ending::Trickle(vendor.accepted(state, &arrival), Duration::from_millis(interval_ms))
        }
        Fault::Reset => Ending::Reset,
        Fault::Garbage { status, body, delivered } => {
            deliver_if(delivered, state, submission);
            Ending::Answer(reply::with_type(reply::status(status), "text/html", body.into()))
        }
        Fault::Delay { .. } => accept(state, submission),
        Fault::Reject { code } => Ending::Answer(vendor.rejected(&code, submission)),
    }
}

fn accept(state: &State, submission: &Submission) -> Ending {
    let arrival = deliver(state, submission);
    Ending::Answer(submission.vendor.accepted(state, &arrival))
}

fn deliver(state: &State, submission: &Submission) -> Arc<Arrival> {
    let arrival = state.arrivals.record(submission);
    if let (Some(receipts), Some(url)) = (&state.receipts, &submission.status_callback) {
        receipts.post(url, &arrival, state.undelivered_code(&arrival.to));
    }
    arrival
}

fn deliver_if(delivered: bool, state: &State, submission: &Submission) {
    if delivered {
        deliver(state, submission);
    }
}

fn throttled(vendor: Vendor, retry_after: Option<&RetryAfter>) -> Ending {
    let mut reply = vendor.throttled();
    if let Some(retry_after) = retry_after {
        reply::set_retry_after(&mut reply, &retry_after.header());
    }
    Ending::Answer(reply)
}

fn broken(vendor: Vendor, status: u16, body: FaultBody) -> Reply {
    match body {
        FaultBody::Vendor => vendor.broken(status),
        FaultBody::Empty => reply::empty(reply::status(status)),
        FaultBody::Text(text) => reply::with_type(reply::status(status), "text/html", text.into()),
    }
}
