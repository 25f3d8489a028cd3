//! What becomes of one vendor request: read, held against rate and faults, done, answered or not.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::http::request::Parts;

use crate::arrival::{Arrival, ArrivalKind};
use crate::check::CodeCheck;
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
        Reading::Check(wanted) => check(state, &wanted),
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
    if let Err(over) = state.pace(submission.vendor).admit() {
        let retry_after = over.retry_after_s.map(RetryAfter::Seconds);
        return at_once(throttled(submission.vendor, retry_after.as_ref()));
    }
    let request = Wanted::Delivery(submission);
    ends(state, &request, state.fault_for(submission))
}

fn check(state: &State, check: &CodeCheck) -> Exchange {
    ends(state, &Wanted::Check(check), state.fault_for_check(check))
}

fn ends(state: &State, wanted: &Wanted<'_>, fault: Option<Fault>) -> Exchange {
    let latency = state.pace(wanted.vendor()).latency();
    match fault {
        None => Exchange { ending: Ending::Answer(wanted.done(state)), delay: latency },
        Some(Fault::Delay { delay_ms }) => {
            let delay = latency.saturating_add(Duration::from_millis(delay_ms));
            Exchange { ending: Ending::Answer(wanted.done(state)), delay }
        }
        Some(fault) => Exchange { ending: misbehave(state, wanted, fault), delay: latency },
    }
}

/// What a valid request asks a vendor to do.
enum Wanted<'a> {
    /// To deliver.
    Delivery(&'a Submission),
    /// To check a code.
    Check(&'a CodeCheck),
}

impl Wanted<'_> {
    fn vendor(&self) -> Vendor {
        match self {
            Self::Delivery(submission) => submission.vendor,
            Self::Check(check) => check.vendor,
        }
    }

    /// Does it; gives the answer that tells of it.
    fn done(&self, state: &State) -> Reply {
        match self {
            Self::Delivery(submission) => {
                let arrival = deliver(state, submission);
                submission.vendor.accepted(state, &arrival)
            }
            Self::Check(check) => check.vendor.checked(state, check),
        }
    }

    fn done_if(&self, wanted: bool, state: &State) {
        if wanted {
            self.done(state);
        }
    }

    fn rejected(&self, code: &str) -> Reply {
        let (to, from) = match self {
            Self::Delivery(submission) => (submission.recipients.first(), submission.from.as_deref()),
            Self::Check(check) => (check.recipient.first(), None),
        };
        self.vendor().rejected(code, to.map_or("", String::as_str), from.unwrap_or_default())
    }
}

fn misbehave(state: &State, wanted: &Wanted<'_>, fault: Fault) -> Ending {
    let vendor = wanted.vendor();
    match fault {
        Fault::Throttle { retry_after } => throttled(vendor, retry_after.as_ref()),
        Fault::Status { status, body, delivered } => {
            wanted.done_if(delivered, state);
            Ending::Answer(broken(vendor, status, body))
        }
        Fault::Hang => Ending::Hang,
        Fault::DeliverThenHang => {
            wanted.done(state);
            Ending::Hang
        }
        Fault::DeliverThenReset => {
            wanted.done(state);
            Ending::Reset
        }
        Fault::SlowBytes { interval_ms } => {
            Ending::Trickle(wanted.done(state), Duration::from_millis(interval_ms))
        }
        Fault::Reset => Ending::Reset,
        Fault::Garbage { status, body, delivered } => {
            wanted.done_if(delivered, state);
            Ending::Answer(reply::with_type(reply::status(status), "text/html", body.into()))
        }
        Fault::Delay { .. } => Ending::Answer(wanted.done(state)),
        Fault::Reject { code } => Ending::Answer(wanted.rejected(&code)),
    }
}

fn deliver(state: &State, submission: &Submission) -> Arc<Arrival> {
    let arrival = state.arrivals.record(submission);
    if (submission.vendor, submission.kind) == (Vendor::Twilio, ArrivalKind::Code) {
        state.verifications.delivered(&arrival);
    }
    if let (Some(receipts), Some(url)) = (&state.receipts, &submission.status_callback) {
        receipts.post(url, &arrival, state.undelivered_code(&arrival.to));
    }
    arrival
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
