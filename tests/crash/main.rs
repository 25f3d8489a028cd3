//! Crash tests: the real programs under load, killed the hard way, judged by what arrived at the vendor.
//!
//! One run, one setup, one ledger; a campaign has its own. `SMSGW_CRASH_ROUNDS` (3) says how often each part is killed,
//! `SMSGW_CRASH_RATE` (100) how many requests a second are made meanwhile; `SMSGW_CRASH_RECIPIENTS` (50000; 25000
//! in a debug build, which is slow) how many the campaign has.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

mod campaign;
mod client;
mod gateway;
mod judge;
mod kills;
mod ledger;
mod load;
mod report;

use std::time::Duration;

use campaign::{Campaign, List};
use gateway::Gateway;
use judge::Judge;
use load::Load;
use report::Report;
use tokio::sync::Mutex;

/// How long the gateway may take to finish everything once nobody asks for more: a transactional
/// text in doubt waits 60 s for its receipt.
const SETTLING: Duration = Duration::from_secs(100);

/// So that a run ends within two minutes.
const RECIPIENTS: usize = if cfg!(debug_assertions) { 25_000 } else { 50_000 };

/// One run at a time: each wants the machine, the ports and the logs for itself.
static ALONE: Mutex<()> = Mutex::const_new(());

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_accepted_is_lost_and_copies_stay_in_bounds_whoever_is_killed() {
    let _alone = ALONE.lock().await;
    let rounds = setting("SMSGW_CRASH_ROUNDS", 3);
    let mut report = Report::default();
    let mut gateway = Gateway::start().await;
    let load = Load::start(gateway.client(), setting("SMSGW_CRASH_RATE", 100));

    for round in 0..rounds {
        kills::kill_a_worker(&mut gateway, round, &mut report).await;
    }
    kills::freeze_a_worker(&mut gateway, &mut report).await;
    for round in 0..rounds {
        kills::kill_the_api(&mut gateway, &load, round, &mut report).await;
    }
    for round in 0..rounds {
        kills::kill_postgres(&mut gateway, &load, round, &mut report).await;
    }

    let ledger = load.stop().await;
    report.say("the load has ended");
    gateway.settle(SETTLING, &mut report).await;
    gateway.check_processes(&mut report);
    Judge::new(&gateway, &ledger).await.judge(&mut report).await;
    report.close(gateway);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_reaches_everybody_once_at_most_whoever_is_killed() {
    let _alone = ALONE.lock().await;
    let mut report = Report::default();
    let mut gateway = Gateway::start().await;
    let list = List::new(setting("SMSGW_CRASH_RECIPIENTS", RECIPIENTS));

    let campaign = Campaign::draft(gateway.client()).await;
    campaign.upload_under_kills(&mut gateway, &list, &mut report).await;
    campaign.run_under_kills(&mut gateway, list.people.len(), &mut report).await;
    gateway.check_processes(&mut report);
    campaign.judge(&gateway, &list, &mut report).await;
    report.close(gateway);
}

fn setting(name: &str, usual: usize) -> usize {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{name}: a number")))
}
