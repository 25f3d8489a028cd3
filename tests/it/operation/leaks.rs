//! The codes of a long run under provider faults, searched for in everything that stays behind: tables, write-ahead log,
//! the logs of the gateway and of its database, traces, metrics and answers.
//!
//! The traces want a program with the feature `otlp`:
//! `SMSGW_TEST_FEATURES=otlp cargo test --workspace --test it operation::leaks`.

use std::path::Path;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::iter;
use private_postgres::{Cluster, Options};
use tests::TestApp;

use self::search::{Codes, DIGITS};
use self::told::Told;
use super::traces::collector::Collector;
use super::traces::stop;
use crate::api::secrets::dump;

mod faults;
mod search;
mod told;

/// Sessions that are started; each sends one code, and some another.
const SESSIONS: usize = 2_000;
/// Requests under way at a time.
const AT_ONCE: usize = 32;
/// How long a busy machine may take for one step.
const PATIENCE: Duration = Duration::from_secs(120);
/// A number like a code in the name of a provider, which may stand everywhere: where the search does not find it, it
/// would find no code.
const CANARY: &str = "31415926";

/// A Postgres that keeps its whole write-ahead log, with whole pages in it, and logs each statement with its values.
async fn telling_cluster() -> Cluster {
    let options = Options::temporary().without_fsync().setting("full_page_writes", "on");
    let options = options.setting("wal_keep_size", "8GB").setting("log_statement", "all");
    Cluster::start(options).await.unwrap()
}

/// Awaits all, a bounded number at a time, in order.
async fn all<T>(tasks: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    iter(tasks).buffered(AT_ONCE).collect().await
}

/// Sends codes and more codes, checks them, and looks at all there is to see; gives what `/metrics` shows at the end.
async fn run(told: &Told) -> String {
    let app = &told.running.app;
    told.lengthen_codes().await;
    told.add_canary().await;
    faults::spoil(&app.mock);
    let sessions = all((0..SESSIONS).map(|n| told.send(n))).await;
    app.drained(PATIENCE).await;
    let resent = told.resend(sessions.iter().step_by(10)).await;
    assert!(resent > SESSIONS / 20, "{resent} codes were sent again");
    app.drained(PATIENCE).await;
    let right = told.check(&sessions).await;
    assert!(right > SESSIONS / 2, "{right} codes were right");
    told.look().await
}

/// Every row of every table.
async fn tables(app: &TestApp) -> Vec<u8> {
    let rows = dump(app).await.into_iter();
    rows.map(|(table, row)| format!("{table} {row}\n")).collect::<String>().into_bytes()
}

/// The bytes of every file of the write-ahead log.
async fn write_ahead_log(app: &TestApp) -> Vec<u8> {
    let mut owner = app.owner().await;
    sqlx::raw_sql("select pg_switch_wal(); checkpoint").execute(&mut owner).await.unwrap();
    let data: String = sqlx::query_scalar("show data_directory").fetch_one(&mut owner).await.unwrap();
    let files = std::fs::read_dir(Path::new(&data).join("pg_wal")).unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.is_file()).flat_map(|path| std::fs::read(path).unwrap()).collect()
}

/// Whether the program is built with what exports traces.
fn exports_traces() -> bool {
    std::env::var_os("SMSGW_TEST_FEATURES").is_some_and(|all| all.to_string_lossy().contains("otlp"))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_code_of_two_thousand_is_found_in_anything_that_stays_behind() {
    let (cluster, collector) = (telling_cluster().await, Collector::start().await);
    let told = Told::start(&cluster, &collector).await;
    let before = tables(&told.running.app).await;
    let metrics = run(&told).await;
    let Told { running, answers, .. } = told;
    let process = stop(running.process).await;
    faults::assert_all_struck(&running.app.mock);
    let arrivals = running.app.mock.arrivals();
    let codes = Codes::of(arrivals.iter().map(|arrival| arrival.body.as_str()));
    assert!(codes.count() >= SESSIONS, "only {} codes arrived", codes.count());
    // What was there before there was a code; and the numbers, as a page of the write-ahead log may end within one.
    let numbers: String = arrivals.iter().map(|arrival| arrival.to.as_str()).collect::<Vec<_>>().join(" ");
    let codes = codes.but_not_in(&before).but_not_in(numbers.as_bytes());

    let (log, spans) = (process.log(), collector.heard_bytes());
    assert!(log.contains("a provider call got no answer"), "the log tells of faults");
    assert_eq!(process.out(), "", "standard output");
    assert_eq!(!spans.is_empty(), exports_traces(), "{} bytes of spans", spans.len());
    let mut places = vec![
        ("a table", tables(&running.app).await),
        ("the write-ahead log", write_ahead_log(&running.app).await),
        ("the log", log.into_bytes()),
        ("the database's log", std::fs::read(cluster.log()).unwrap()),
        ("an answer", answers.into_inner().unwrap().into_bytes()),
        ("a metric", metrics.into_bytes()),
    ];
    if exports_traces() {
        places.push(("a trace", spans));
    }
    let canary = Codes::of([CANARY].into_iter());
    for (place, bytes) in &places {
        assert!(canary.find(bytes).is_some(), "{place}: what must be there is not found");
    }
    let leaks = places.iter().filter_map(|(place, bytes)| Some((place, codes.shown(bytes)?)));
    let leaks: Vec<_> = leaks.collect();
    assert!(leaks.is_empty(), "codes are found: {leaks:#?}");
    cluster.stop().await.unwrap();
}
