//! The judge: the vendor's log against what was promised.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::client::{Client, Said};
use crate::gateway::Gateway;
use crate::ledger::{Asked, Fate, Kind, Ledger, Request};
use crate::report::Report;

/// An otp arrives within this time of its 202 when nothing is away.
const OTP_LIMIT: Duration = Duration::from_secs(3);
/// Every so many requests are asked for again in the end, or looked up through the API.
const SAMPLE: usize = 25;

/// A message as the gateway shows it.
#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    to: String,
    status: String,
    reason: Option<String>,
    copies: i16,
    possible_duplicate: bool,
}

/// Everything that is known when nothing moves any more.
pub(crate) struct Judge<'a> {
    ledger: &'a Ledger,
    client: Client,
    /// By recipient: each is of one message only.
    rows: HashMap<String, Vec<Row>>,
    /// By recipient: when each copy arrived, the first first.
    arrivals: HashMap<String, Vec<DateTime<Utc>>>,
}

impl<'a> Judge<'a> {
    /// Reads the vendor's log and the gateway's.
    pub(crate) async fn new(gateway: &Gateway, ledger: &'a Ledger) -> Self {
        let all: Vec<Row> = sqlx::query_as(
            r#"select id, "to", status, reason, copies, exists (
                   select from smsgw.sms_attempts a where a.message_id = m.id and a.possible_duplicate
               ) as possible_duplicate
               from sms_messages m"#,
        )
        .fetch_all(&gateway.pool)
        .await
        .unwrap();
        let mut rows: HashMap<String, Vec<Row>> = HashMap::new();
        for row in all {
            rows.entry(row.to.clone()).or_default().push(row);
        }
        let mut arrivals: HashMap<String, Vec<DateTime<Utc>>> = HashMap::new();
        for arrival in gateway.mock.arrivals() {
            let at = DateTime::from_timestamp_micros(arrival.at_micros).unwrap();
            arrivals.entry(arrival.to.clone()).or_default().push(at);
        }
        Self { ledger, client: gateway.client(), rows, arrivals }
    }

    /// Holds every promise against what happened, and tells the ledger.
    pub(crate) async fn judge(&self, report: &mut Report) {
        for asked in &self.ledger.asked {
            self.judge_request(asked, report);
        }
        let unknown = self.rows.values().flatten().filter(|row| row.status == "unknown").count();
        report.expect(
            unknown <= report.held_by_the_dead,
            "only what a dead worker held ends as unknown",
            || "more are unknown than were held".to_owned(),
        );
        self.judge_otp_times(report);
        self.ask_again(report).await;
        self.look_up(report).await;
        self.tell_ledger(report);
    }

    fn judge_request(&self, asked: &Asked, report: &mut Report) {
        let Request { kind, key, to, .. } = &asked.request;
        match &asked.fate {
            Fate::Accepted { ids, .. } => {
                let complete = ids.len() == to.len() && ids.iter().all(|id| !id.is_empty());
                report.expect(complete, "a 202 names every message", || format!("{kind:?} {ids:?}"));
                for (to, id) in to.iter().zip(ids) {
                    let rows = self.rows_of(to);
                    report.expect(!rows.is_empty(), "what was accepted is never lost", || {
                        format!("{kind:?} {id} to {to}: accepted, but nowhere")
                    });
                    let same = *kind == Kind::Otp || rows.iter().all(|row| row.id.to_string() == *id);
                    report.expect(same, "a key never makes two messages", || {
                        format!(
                            "{kind:?} {key:?}: told {id}, stored {:?}",
                            rows.iter().map(|row| row.id).collect::<Vec<_>>()
                        )
                    });
                }
            }
            Fate::Unclear => (),
            Fate::Refused(why) => {
                report.expect(false, "a good request is accepted in the end", || why.clone());
            }
        }
        for to in to {
            self.judge_message(*kind, to, report);
        }
    }

    fn judge_message(&self, kind: Kind, to: &str, report: &mut Report) {
        let (rows, copies) = (self.rows_of(to), self.arrivals_of(to).len());
        report.expect(rows.len() <= 1, "a key never makes two messages", || {
            format!("{kind:?} to {to}: {} messages", rows.len())
        });
        report.expect(copies <= kind.most_copies(), "no more copies than the lane allows", || {
            format!("{kind:?} to {to}: {copies} copies")
        });
        let Some(row) = rows.first() else {
            report.expect(copies == 0, "nothing arrives that is not in the log", || {
                format!("{kind:?} to {to}")
            });
            return;
        };
        let shown =
            || format!("{kind:?} {} to {to}: {} ({:?}), {copies} arrived", row.id, row.status, row.reason);
        // A vendor without faults leaves no other end.
        let usual = matches!(row.status.as_str(), "sent" | "unknown");
        report.expect(usual, "every message ends as sent or unknown", shown);
        report.expect(copies > 0 || row.status != "sent", "what is called sent has arrived", shown);
        report.expect(row.status == "sent" || row.reason.is_some(), "an end without sending says why", shown);
        let flagged = row.copies > 0 || row.possible_duplicate;
        report.expect(copies < 2 || flagged, "a possible copy is flagged", shown);
    }

    fn judge_otp_times(&self, report: &mut Report) {
        let mut times = Vec::new();
        for (to, accepted) in self.accepted_otps() {
            let Some(&arrived) = self.arrivals_of(to).first() else { continue };
            let took = (arrived - accepted).max(TimeDelta::zero()).to_std().unwrap();
            let during = |one: &&crate::report::Disturbance| accepted <= one.to && arrived >= one.from;
            let limit = report.disturbances.iter().filter(during).map(|one| one.otp_limit).max();
            let most = limit.unwrap_or(OTP_LIMIT) + report.usual;
            report.expect(took <= most, "an otp arrives in time", || {
                format!("{to}: accepted {accepted}, arrived {took:.2?} later, disturbed: {}", limit.is_some())
            });
            times.push(took);
        }
        times.sort_unstable();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
        report.say(format!(
            "otp from 202 to arrival: p50 {:.1?}, p99 {:.1?}, worst {:.1?} of {}",
            at(0.5),
            at(0.99),
            at(1.0),
            times.len()
        ));
    }

    fn accepted_otps(&self) -> impl Iterator<Item = (&str, DateTime<Utc>)> {
        self.ledger.asked.iter().filter_map(|asked| match asked.fate {
            Fate::Accepted { at, .. } if asked.request.kind == Kind::Otp => {
                Some((asked.request.to[0].as_str(), at))
            }
            _ => None,
        })
    }

    /// Repeats some requests long after their answer: the key still gives the same.
    async fn ask_again(&self, report: &mut Report) {
        let keyed = self.ledger.asked.iter().filter(|asked| asked.request.key.is_some());
        for asked in keyed.step_by(SAMPLE) {
            let (request, Fate::Accepted { ids, .. }) = (&asked.request, &asked.fate) else { continue };
            let again = self.client.post(request.path(), request.key.as_deref(), &request.body).await;
            let same = match &again.said {
                Said::Status { code: 202, replayed: true, body, .. } => request.ids(body) == *ids,
                _ => false,
            };
            report.expect(same, "a repeated key gets the first answer", || {
                format!("{:?} {:?}: {:?}", request.kind, request.key, again.code())
            });
        }
    }

    /// Looks some messages up through the API: what is in the log can be seen.
    async fn look_up(&self, report: &mut Report) {
        for row in self.rows.values().flatten().step_by(SAMPLE) {
            let answer = self.client.get(&format!("/sms/messages/{}", row.id)).await;
            let shown = match &answer.said {
                Said::Status { code: 200, body, .. } => body["status"] == row.status.as_str(),
                _ => false,
            };
            report.expect(shown, "every message's end can be seen", || {
                format!("{}: {:?}", row.id, answer.code())
            });
        }
    }

    fn tell_ledger(&self, report: &Report) {
        let fates = |wanted: fn(&Fate) -> bool| {
            let asked = self.ledger.asked.iter().filter(|asked| wanted(&asked.fate));
            asked.map(|asked| asked.request.to.len()).sum::<usize>()
        };
        let replayed = self.ledger.asked.iter();
        let replayed =
            replayed.filter(|asked| matches!(asked.fate, Fate::Accepted { replayed: true, .. })).count();
        let mut ends: BTreeMap<&str, usize> = BTreeMap::new();
        for row in self.rows.values().flatten() {
            *ends.entry(&row.status).or_default() += 1;
        }
        let ends: Vec<_> = ends.iter().map(|(status, count)| format!("{count} {status}")).collect();
        report.say(format!(
            "ledger: {} requests, {} tries, {replayed} accepted by an earlier try; {} messages accepted, {} unclear; \
             {} in the log = {}; dead workers held {}",
            self.ledger.asked.len(),
            self.ledger.answers.len(),
            fates(|fate| matches!(fate, Fate::Accepted { .. })),
            fates(|fate| matches!(fate, Fate::Unclear)),
            self.rows.values().map(Vec::len).sum::<usize>(),
            ends.join(" + "),
            report.held_by_the_dead,
        ));
        for kind in Kind::ALL {
            let mut copies: BTreeMap<usize, usize> = BTreeMap::new();
            for to in self
                .ledger
                .asked
                .iter()
                .filter(|asked| asked.request.kind == kind)
                .flat_map(|asked| &asked.request.to)
            {
                *copies.entry(self.arrivals_of(to).len()).or_default() += 1;
            }
            let copies: Vec<_> =
                copies.iter().map(|(copies, count)| format!("{count} arrived {copies}×")).collect();
            report.say(format!("  {kind:?}: {}", copies.join(", ")));
        }
    }

    fn rows_of(&self, to: &str) -> &[Row] {
        self.rows.get(to).map(Vec::as_slice).unwrap_or_default()
    }

    fn arrivals_of(&self, to: &str) -> &[DateTime<Utc>] {
        self.arrivals.get(to).map(Vec::as_slice).unwrap_or_default()
    }
}
