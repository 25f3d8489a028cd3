//! The blows: one function a kind, each measuring how the gateway gets over it.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tests::wait::within;

use crate::client::Answer;
use crate::gateway::Gateway;
use crate::ledger::Kind;
use crate::load::Load;
use crate::report::{Disturbance, Report};

/// A killed worker's messages are decided upon within this time, …
const TAKEOVER: Duration = Duration::from_secs(2);
/// … a frozen one's within this.
const FROZEN_TAKEOVER: Duration = Duration::from_secs(8);
const FROZEN: Duration = Duration::from_secs(10);
/// After the database is back, everything works again within this time.
const RECOVERY: Duration = Duration::from_secs(5);
/// Every other outage is so long that requests are made, kept waiting and answered within it.
const OUTAGES: [Duration; 2] = [Duration::from_secs(11), Duration::from_millis(500)];
/// Nobody is kept waiting longer than this by an absent database.
const LONGEST_WAIT: Duration = Duration::from_secs(6);
/// More arrivals than there are while Postgres comes back.
const RECENT: usize = 5000;

/// SIGKILL to one of two busy workers.
pub(crate) async fn kill_a_worker(gateway: &mut Gateway, round: usize, report: &mut Report) {
    let place = round % gateway.workers.len();
    let worker = gateway.until_registered(&gateway.workers[place]).await;
    gateway.until_busy(worker).await;
    let killed = Instant::now();
    gateway.workers[place].kill();
    let held = gateway.held_by(worker).await.len();
    gateway.until_taken_over(worker).await;
    let took = killed.elapsed();
    report.held_by_the_dead += held;
    report.say(format!("worker killed with {held} messages: taken over after {took:.2?}"));
    report.expect(took <= TAKEOVER, "a killed worker is taken over within 2 s", || format!("{took:.2?}"));
    gateway.replace_worker(place).await;
}

/// SIGSTOP to a busy worker, SIGCONT when its messages have long been others'.
pub(crate) async fn freeze_a_worker(gateway: &mut Gateway, report: &mut Report) {
    let worker = gateway.until_registered(&gateway.workers[0]).await;
    gateway.until_busy(worker).await;
    let (frozen, from) = (Instant::now(), Utc::now());
    gateway.workers[0].freeze();
    // What it had already told Postgres is done meanwhile.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let held = gateway.held_by(worker).await;
    gateway.until_taken_over(worker).await;
    let took = frozen.elapsed();
    report.held_by_the_dead += held.len();
    report.disturbances.push(Disturbance { from, to: Utc::now(), otp_limit: FROZEN_TAKEOVER });
    report.say(format!("worker frozen with {} messages: taken over after {took:.2?}", held.len()));
    report.expect(took <= FROZEN_TAKEOVER, "a frozen worker is taken over within 8 s", || {
        format!("{took:.2?}")
    });

    tokio::time::sleep(FROZEN.saturating_sub(frozen.elapsed())).await;
    let before = arrived(gateway, &held);
    gateway.workers[0].thaw();
    within(Duration::from_secs(20), "the thawed worker to begin anew", async || {
        (gateway.until_registered(&gateway.workers[0]).await != worker).then_some(())
    })
    .await;
    let anew = gateway.until_registered(&gateway.workers[0]).await;
    gateway.until_busy(anew).await;
    let stale = arrived(gateway, &held) - before;
    report.say(format!("worker thawed: {stale} calls that it had begun went on"));
}

/// How often the vendor has delivered to any of these.
fn arrived(gateway: &Gateway, held: &[(String, String)]) -> usize {
    let arrivals = gateway.mock.arrivals();
    arrivals.iter().filter(|arrival| held.iter().any(|(_, to)| *to == arrival.to)).count()
}

/// SIGKILL to the API, which also sends, with requests under way; a new one takes its place.
pub(crate) async fn kill_the_api(gateway: &mut Gateway, load: &Load, round: usize, report: &mut Report) {
    let worker = gateway.until_registered(&gateway.api).await;
    let hit = load.burst(round).await;
    let killed = Instant::now();
    gateway.api.kill();
    // What it had already told Postgres is done meanwhile.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let held = gateway.held_by(worker).await.len();
    report.held_by_the_dead += held;
    gateway.restart_api().await;
    let back = killed.elapsed();
    load.until_answered().await;
    let calm = killed.elapsed();
    report.say(format!(
        "API killed in {hit} requests and with {held} messages: a new one was ready after {back:.2?}, all held up was accepted after {calm:.2?}"
    ));
}

/// SIGKILL to Postgres and all its processes; it comes back, API and workers are left alone.
pub(crate) async fn kill_postgres(gateway: &mut Gateway, load: &Load, round: usize, report: &mut Report) {
    let usual = until_it_works(gateway, load, Utc::now()).await;
    report.usual = report.usual.max(usual.into_values().max().unwrap_or_default());
    let hit = load.burst(round).await;
    let from = Utc::now();
    gateway.postgres.kill_hard().await.unwrap();
    let dead = Utc::now();
    let outage = OUTAGES[round % OUTAGES.len()];
    tokio::time::sleep(outage).await;
    let dead = dead..Utc::now();
    gateway.postgres.restart().await.unwrap();
    let (back, returned) = (Instant::now(), Utc::now());
    let works = until_it_works(gateway, load, returned).await;
    let took = back.elapsed();
    let usual = report.usual;
    report.expect(took <= RECOVERY + 2 * usual, "all works again within 5 s of Postgres' return", || {
        format!("{works:.2?}; before, a message took up to {usual:.2?}")
    });
    load.until_answered().await;
    report.say(format!(
        "Postgres killed in {hit} requests and away for {outage:?}; after its return {works:.1?} (before up to \
         {usual:.1?}), all held up was accepted within {:.2?}",
        back.elapsed(),
    ));
    report.disturbances.push(Disturbance { from, to: Utc::now(), otp_limit: outage + 2 * RECOVERY });
    load.with_answers(|answers| check_answers(answers, &dead, report));
}

/// What the askers were told while Postgres was dead.
fn check_answers(answers: &[Answer], dead: &Range<DateTime<Utc>>, report: &mut Report) {
    for answer in answers.iter().filter(|answer| dead.contains(&answer.began)) {
        let waited = (answer.ended.min(dead.end) - answer.began).to_std().unwrap_or_default();
        report.expect(waited <= LONGEST_WAIT + report.usual, "nobody hangs while Postgres is away", || {
            format!("{waited:.1?}")
        });
        if answer.ended > dead.end {
            continue;
        }
        let right = answer.code() == Some(503) && answer.asks_for_patience();
        report.expect(right, "while Postgres is away all are told 503 and when to come back", || {
            format!("{:?}, Retry-After: {}", answer.code(), answer.asks_for_patience())
        });
    }
}

/// Waits until of every kind a message has arrived that was accepted after Postgres' return; says when.
async fn until_it_works(gateway: &Gateway, load: &Load, returned: DateTime<Utc>) -> BTreeMap<Kind, Duration> {
    let (began, mut works) = (Instant::now(), BTreeMap::new());
    while works.len() < Kind::ALL.len() {
        assert!(began.elapsed() < Duration::from_secs(60), "only this works again: {works:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
        let arrivals = gateway.mock.arrivals();
        let arrived: HashSet<_> = arrivals.iter().rev().take(RECENT).map(|arrival| &arrival.to).collect();
        for (kind, to) in load.accepted_since(returned) {
            if arrived.contains(&to) {
                works.entry(kind).or_insert_with(|| began.elapsed());
            }
        }
    }
    works
}
