//! Metrics of a worker: each is described here, and looked up once by whoever keeps it, so that a
//! message costs an addition and no look-up. Labels are lanes, providers and words of ours.

use chrono::{DateTime, Utc};
use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};
use shared::lane::Lane;
use shared::message::{OutboxMessage, Status};
use shared::provider::Outcome;
use shared::store::spend_alerts::NewlyReached;

use crate::feeder::Receipt;

/// What a claim can end in.
const ENDS: [Status; 7] = [
    Status::Queued,
    Status::Sent,
    Status::Failed,
    Status::Expired,
    Status::Suppressed,
    Status::Cancelled,
    Status::Unknown,
];

/// Says what each metric means, for `/metrics`.
pub(crate) fn describe() {
    describe_gauge!(
        "smsgw_queue_messages",
        "Unclaimed messages by lane, planned ones included; counted to 10000"
    );
    describe_gauge!(
        "smsgw_queue_oldest_due_seconds",
        Unit::Seconds,
        "How long the oldest due and unclaimed message of a lane has waited"
    );
    describe_gauge!("smsgw_lane_paused", "1 while an operator has paused the lane");
    describe_histogram!(
        "smsgw_accept_to_sent_seconds",
        Unit::Seconds,
        "Time from a message's acceptance to a provider's yes, by lane"
    );
    describe_histogram!("smsgw_claim_size", "Messages taken by one claim that found some, by lane");
    describe_counter!("smsgw_handed_over_total", "Messages that were stored claimed, by lane");
    describe_counter!(
        "smsgw_messages_total",
        "Claimed messages by lane and what they ended in; queued: to be tried again"
    );
    describe_counter!(
        "smsgw_in_doubt_total",
        "Messages by lane that were perhaps sent by a call without a clear answer"
    );
    describe_counter!(
        "smsgw_late_rows_total",
        "Times the sweep found a message that was committed late, by lane"
    );
    describe_counter!(
        "smsgw_results_refused_total",
        "Results the database refuses; their messages stay claimed"
    );
    describe_counter!(
        "smsgw_settled_late_total",
        "Results that came after their message was taken over or withdrawn"
    );
    describe_counter!("smsgw_attempts_total", "Calls to providers by provider, lane and outcome");
    describe_histogram!("smsgw_attempt_seconds", Unit::Seconds, "Time of a call to a provider");
    describe_counter!("smsgw_provider_pauses_total", "Times a provider said slow down and was paused");
    describe_gauge!(
        "smsgw_provider_closed",
        "1 while a provider is not called: paused by its own wish, halted by an operator, or broken"
    );
    describe_counter!("smsgw_takeovers_total", "Dead workers that this one took over");
    describe_counter!("smsgw_messages_taken_over_total", "Messages of dead workers that this one took over");
    describe_counter!(
        "smsgw_spend_micros_total",
        "Millionths of a currency's unit reserved for messages of campaigns"
    );
    describe_counter!(
        "smsgw_spend_unpriced_segments_total",
        "Segments of campaigns whose price is not known, and which count under no cap"
    );
    describe_counter!("smsgw_spend_thresholds_total", "Times a threshold of a spending cap was reached");
    describe_gauge!("smsgw_spend_cap_ratio", "Part of a day's or country's cap that is spent today");
    describe_counter!("smsgw_spend_alerts_total", "Alerts of spending posted, by whether they were taken");
    describe_gauge!("smsgw_promo_share", "Part of its slots that promo may use while codes wait");
}

/// Metrics of one lane.
#[derive(Debug)]
pub(crate) struct LaneMeasures {
    ends: [Counter; ENDS.len()],
    in_doubt: Counter,
    accept_to_sent: Histogram,
    pub(crate) claim_size: Histogram,
    pub(crate) handed_over: Counter,
    pub(crate) results_refused: Counter,
    pub(crate) settled_late: Counter,
}

impl LaneMeasures {
    pub(crate) fn new(lane: Lane) -> Self {
        let lane_name = lane.as_str();
        let end = |status: Status| counter!("smsgw_messages_total", "lane" => lane_name, "status" => status.as_str());
        Self {
            ends: ENDS.map(end),
            in_doubt: in_doubt(lane),
            accept_to_sent: histogram!("smsgw_accept_to_sent_seconds", "lane" => lane_name),
            claim_size: histogram!("smsgw_claim_size", "lane" => lane_name),
            handed_over: counter!("smsgw_handed_over_total", "lane" => lane_name),
            results_refused: counter!("smsgw_results_refused_total", "lane" => lane_name),
            settled_late: counter!("smsgw_settled_late_total", "lane" => lane_name),
        }
    }

    /// A claim's result is written: where its message stands, and by how many copies in doubt.
    pub(crate) fn ended(&self, status: Status, copies: i16) {
        if let Some(end) = ENDS.iter().position(|one| *one == status) {
            self.ends[end].increment(1);
        }
        if copies > 0 {
            self.in_doubt.increment(1);
        }
    }

    /// A provider has said yes.
    pub(crate) fn sent(&self, message: &OutboxMessage, now: DateTime<Utc>) {
        self.accept_to_sent.record((now - counted_from(message)).to_std().unwrap_or_default());
    }
}

/// A text may have been planned for a time, which is what its first call is late against.
fn counted_from(message: &OutboxMessage) -> DateTime<Utc> {
    match message.lane {
        Lane::Transactional | Lane::Promo if message.attempts == 0 => message.due_at,
        Lane::Otp | Lane::Transactional | Lane::Promo => message.id.created_at(),
    }
}

/// Metrics of one provider.
#[derive(Debug)]
pub(crate) struct ProviderMeasures {
    attempts: [[Counter; Outcome::ALL.len()]; 3],
    seconds: Histogram,
    pub(crate) pauses: Counter,
    closed: [Gauge; 3],
}

impl ProviderMeasures {
    pub(crate) fn new(provider: &str) -> Self {
        let attempts = |lane: Lane| {
            Outcome::ALL.map(|outcome| {
                counter!("smsgw_attempts_total", "provider" => provider.to_owned(),
                    "lane" => lane.as_str(), "outcome" => outcome.as_str())
            })
        };
        let closed = |why| gauge!("smsgw_provider_closed", "provider" => provider.to_owned(), "why" => why);
        Self {
            attempts: Lane::ALL.map(attempts),
            seconds: histogram!("smsgw_attempt_seconds", "provider" => provider.to_owned()),
            pauses: counter!("smsgw_provider_pauses_total", "provider" => provider.to_owned()),
            closed: ["paused", "halted", "broken"].map(closed),
        }
    }

    /// A call is over.
    pub(crate) fn attempt(&self, lane: Lane, outcome: Outcome, took: std::time::Duration) {
        self.attempts[lane as usize][outcome as usize].increment(1);
        self.seconds.record(took);
    }

    /// Why it is not called now, if it is not.
    pub(crate) fn closed(&self, paused: bool, halted: bool, broken: bool) {
        for (gauge, is_so) in self.closed.iter().zip([paused, halted, broken]) {
            gauge.set(if is_so { 1.0 } else { 0.0 });
        }
    }
}

/// Metrics of the takeover.
#[derive(Debug)]
pub(crate) struct TakeoverMeasures {
    workers: Counter,
    messages: Counter,
    in_doubt: [Counter; 3],
}

impl TakeoverMeasures {
    pub(crate) fn new() -> Self {
        Self {
            workers: counter!("smsgw_takeovers_total"),
            messages: counter!("smsgw_messages_taken_over_total"),
            in_doubt: Lane::ALL.map(in_doubt),
        }
    }

    /// A dead worker was taken over, with messages of these lanes.
    pub(crate) fn took_over(&self, lanes: impl Iterator<Item = Lane>) {
        self.workers.increment(1);
        for lane in lanes {
            self.messages.increment(1);
            self.in_doubt[lane as usize].increment(1);
        }
    }
}

/// Metrics of what campaigns spend.
#[derive(Clone, Debug)]
pub(crate) struct SpendMeasures {
    unpriced: Counter,
}

impl SpendMeasures {
    pub(crate) fn new() -> Self {
        Self { unpriced: counter!("smsgw_spend_unpriced_segments_total") }
    }

    /// A batch was made for so much, by which thresholds were reached. Currencies and caps come and go, so these are
    /// looked up: once a batch.
    pub(crate) fn spent(&self, receipt: &Receipt) {
        for sum in &receipt.sums {
            match sum.currency {
                Some(currency) => counter!("smsgw_spend_micros_total", "currency" => currency.to_string())
                    .increment(u64::try_from(sum.cost.micros()).unwrap_or(u64::MAX)),
                None => self.unpriced.increment(sum.segments),
            }
        }
        for NewlyReached { cap, threshold } in &receipt.reached {
            counter!("smsgw_spend_thresholds_total", "cap" => cap.clone(), "threshold" => threshold.to_string())
                .increment(1);
        }
    }
}

/// How much of a cap is spent.
pub(crate) fn cap_ratio(cap: &str) -> Gauge {
    gauge!("smsgw_spend_cap_ratio", "cap" => cap.to_owned())
}

/// Alerts of spending that were taken, and those that were not.
pub(crate) fn spend_alerts() -> [Counter; 2] {
    ["taken", "failed"].map(|outcome| counter!("smsgw_spend_alerts_total", "outcome" => outcome))
}

/// How full a lane is: its messages, and the age of the oldest due one in seconds.
pub(crate) fn queue(lane: Lane) -> (Gauge, Gauge) {
    let lane = lane.as_str();
    (gauge!("smsgw_queue_messages", "lane" => lane), gauge!("smsgw_queue_oldest_due_seconds", "lane" => lane))
}

/// Whether an operator has paused a lane.
pub(crate) fn lane_paused(lane: Lane) -> Gauge {
    gauge!("smsgw_lane_paused", "lane" => lane.as_str())
}

/// Messages found that had been committed late.
pub(crate) fn late_rows(lane: Lane) -> Counter {
    counter!("smsgw_late_rows_total", "lane" => lane.as_str())
}

/// The part of its slots that promo may use.
pub(crate) fn promo_share() -> Gauge {
    gauge!("smsgw_promo_share")
}

/// Whether this worker has no standing, for want of its database.
pub(crate) fn database_away() -> Gauge {
    gauge!("smsgw_database_away", "part" => "worker")
}

fn in_doubt(lane: Lane) -> Counter {
    counter!("smsgw_in_doubt_total", "lane" => lane.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_is_counted_in_its_own_place() {
        for (place, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, place);
        }
    }
}
