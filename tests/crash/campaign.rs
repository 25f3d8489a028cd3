//! A campaign whose API is killed while its list comes in, and whose workers are killed while it runs.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::builders::a_number;
use tests::wait::within;

use crate::client::{Answer, Client, Said};
use crate::gateway::Gateway;
use crate::report::Report;

/// How often the API is killed while the list comes in.
const UPLOAD_KILLS: usize = 3;
/// How often workers are killed while it runs: one, and then both at once.
const KILLS: usize = 10;
/// What stands for the list.
const KEY: &str = "crash-list";
/// Every so many people stand on the list twice, in another spelling.
const SPELLED_TWICE: usize = 20;
/// What takes longer than this from one kill to the next is stuck.
const PATIENCE: Duration = Duration::from_secs(60);
/// What it has not done so long after the last kill, it will not do.
const SETTLING: Duration = Duration::from_secs(60);
/// Workers that die of these.
const DEAD: usize = KILLS + KILLS / 2;
/// Promos that one worker sends at a time, each until its result is written.
const SLOTS: usize = 512;

/// A list with some people twice.
pub(crate) struct List {
    pub(crate) people: Vec<String>,
    text: Vec<u8>,
}

impl List {
    /// Of so many people.
    pub(crate) fn new(size: usize) -> Self {
        let people: Vec<_> = std::iter::repeat_with(a_number).take(size).collect();
        let mut text = String::from("name;phone\n");
        for (at, number) in people.iter().enumerate() {
            text += &format!("Ann {at};{number}\n");
            if at % SPELLED_TWICE == 0 {
                text += &format!("Bob {at};00{}-{}\n", &number[1..6], &number[6..]);
            }
        }
        Self { people, text: text.into_bytes() }
    }

    fn rows(&self) -> usize {
        self.people.len() + self.people.len().div_ceil(SPELLED_TWICE)
    }
}

/// A campaign of the gateway under test.
pub(crate) struct Campaign {
    client: Client,
    path: String,
}

impl Campaign {
    pub(crate) async fn draft(client: Client) -> Self {
        let wanted = json!({ "name": "crash", "text": "Hi {{ name }}, two for one on Sunday." });
        let made = client.post("/sms/campaigns", None, wanted.to_string().as_bytes()).await;
        let id = body(&made)["campaign_id"].as_str().unwrap().to_owned();
        Self { client, path: format!("/sms/campaigns/{id}") }
    }

    /// Sends the list, with the API killed at random moments, until it is in.
    pub(crate) async fn upload_under_kills(&self, gateway: &mut Gateway, list: &List, report: &mut Report) {
        for _ in 0..UPLOAD_KILLS {
            let before = recipients(gateway).await;
            let left = list.people.len() - before;
            if left == 0 {
                break;
            }
            let enough = before + fastrand::usize(0..left.div_ceil(2));
            let (client, path, text) = (self.client.clone(), self.recipients(), list.text.clone());
            let upload = tokio::spawn(async move { client.upload(&path, KEY, &text).await });
            within(PATIENCE, "a part of the list to be committed", async || {
                (recipients(gateway).await > enough).then_some(())
            })
            .await;
            gateway.api.kill();
            let told = upload.await.unwrap();
            report.say(format!(
                "API killed with {} of {} recipients committed; told last: {:?}",
                recipients(gateway).await,
                list.people.len(),
                told.last().map(Value::to_string),
            ));
            gateway.restart_api().await;
        }
        let told = self.client.upload(&self.recipients(), KEY, &list.text).await;
        let done = told.last().cloned().unwrap_or_default();
        let wanted = json!({
            "type": "done", "rows": list.rows(), "added": list.people.len(),
            "duplicates": list.rows() - list.people.len(), "blocked": 0, "rejected": 0, "lines": list.rows() + 1,
        });
        report.expect(done == wanted, "a list that comes again is counted once", || {
            format!("{done}, not {wanted}")
        });
    }

    /// Lets it run, with workers killed at random moments and started again, until it has ended.
    pub(crate) async fn run_under_kills(&self, gateway: &mut Gateway, size: usize, report: &mut Report) {
        let began = Instant::now();
        let started = self.client.post(&format!("{}/start", self.path), None, b"").await;
        report.expect(started.code() == Some(200), "a campaign starts", || body(&started).to_string());
        // In random places of what is left at each, the last well before the end.
        for round in 0..KILLS {
            let before = ended(gateway).await;
            let share = size.saturating_sub(before) / (KILLS - round + 1);
            let enough = before + fastrand::usize(0..share.max(1) * 3 / 2);
            within(PATIENCE, "the campaign to go on", async || {
                (ended(gateway).await >= enough).then_some(())
            })
            .await;
            self.kill(gateway, round, report).await;
        }
        let status = self.until_ended().await;
        report.expect(status == "finished", "a campaign ends by itself", || status.clone());
        report.say(format!("{status} after {:.1?}", began.elapsed()));
    }

    /// Waits until it runs no more; what it is after a long time is judged all the same.
    async fn until_ended(&self) -> String {
        let began = Instant::now();
        loop {
            let answer = self.client.get(&self.path).await;
            let status = body(&answer)["status"].as_str().unwrap_or_default().to_owned();
            if status != "running" || began.elapsed() > SETTLING {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Kills one worker, or both at once as if one machine had gone, and starts them again.
    async fn kill(&self, gateway: &mut Gateway, round: usize, report: &mut Report) {
        let places: &[usize] = if round.is_multiple_of(2) { &[0, 1] } else { &[round / 2 % 2] };
        let (mut held, mut ids) = (Vec::new(), Vec::new());
        for place in places {
            ids.push(gateway.until_registered(&gateway.workers[*place]).await);
        }
        for place in places {
            gateway.workers[*place].kill();
        }
        for (place, worker) in places.iter().zip(ids) {
            let count = gateway.held_by(worker).await.len();
            report
                .expect(count <= SLOTS, "a dead worker held no more than it has slots", || count.to_string());
            report.held_by_the_dead += count;
            held.push(count);
            gateway.replace_worker(*place).await;
        }
        let at = ended(gateway).await;
        report.say(format!("workers {places:?} killed with {held:?} messages, {at} had ended"));
    }

    /// Holds its results and the vendor's log against the list.
    pub(crate) async fn judge(&self, gateway: &Gateway, list: &List, report: &mut Report) {
        let mut copies: HashMap<String, usize> = HashMap::new();
        for arrival in gateway.mock.arrivals() {
            *copies.entry(arrival.to.clone()).or_default() += 1;
        }
        let rows = self.client.get_lines(&format!("{}/results?format=ndjson", self.path)).await;
        let mut ends: BTreeMap<String, usize> = BTreeMap::new();
        let mut seen = HashSet::new();
        for row in &rows {
            let (phone, status) = (row["phone"].as_str().unwrap(), row["status"].as_str().unwrap());
            let arrived = copies.remove(phone).unwrap_or(0);
            *ends.entry(status.to_owned()).or_default() += 1;
            report
                .expect(seen.insert(phone.to_owned()), "nobody is twice in the results", || phone.to_owned());
            report.expect(arrived <= 1, "nobody is texted twice", || format!("{arrived} arrived: {row}"));
            let is_true = match status {
                "sent" => arrived == 1,
                "unknown" => true,
                // A vendor without faults leaves no other end.
                _ => false,
            };
            report
                .expect(is_true, "the results say what has happened", || format!("{arrived} arrived: {row}"));
        }
        let all = list.people.iter().all(|number| seen.contains(number)) && seen.len() == list.people.len();
        report.expect(all, "everybody on the list is in the results", || format!("{} are", seen.len()));
        report.expect(copies.is_empty(), "nobody else is texted", || format!("{} are", copies.len()));
        self.judge_counts(&ends, report).await;
    }

    async fn judge_counts(&self, ends: &BTreeMap<String, usize>, report: &mut Report) {
        let progress = body(&self.client.get(&self.path).await)["progress"].clone();
        report.say(format!(
            "results: {ends:?}; dead workers held {} that may be unknown",
            report.held_by_the_dead
        ));
        report.expect(
            progress["by_status"] == json!(ends),
            "the progress counts what the results say",
            || format!("{progress}, not {ends:?}"),
        );
        let (unknown, held) = (ends.get("unknown").copied().unwrap_or(0), report.held_by_the_dead);
        report.expect(unknown <= held, "only what a dead worker was sending is unknown", || {
            format!("{unknown} are, {held} were held")
        });
        report.expect(unknown <= SLOTS * DEAD, "no more are unknown than dead workers had slots", || {
            format!("{unknown} are, after {DEAD} deaths")
        });
    }

    fn recipients(&self) -> String {
        format!("{}/recipients", self.path)
    }
}

/// What an answer says, if there was one.
fn body(answer: &Answer) -> Value {
    match &answer.said {
        Said::Status { body, .. } => body.clone(),
        Said::Nothing => Value::Null,
    }
}

/// How many are on the list.
async fn recipients(gateway: &Gateway) -> usize {
    count(gateway, "select count(*) from smsgw.sms_campaign_recipients").await
}

/// How many messages have ended.
async fn ended(gateway: &Gateway) -> usize {
    count(gateway, "select coalesce(sum(messages), 0)::bigint from smsgw.sms_campaign_counts").await
}

async fn count(gateway: &Gateway, query: &'static str) -> usize {
    let found: i64 = sqlx::query_scalar(query).fetch_one(&gateway.pool).await.unwrap();
    usize::try_from(found).unwrap()
}
