//! Trouble is seen in the metrics while it lasts, and that it is over.

use std::time::Duration;

use mock_provider::{Fault, Vendor};
use private_postgres::{Cluster, Options};
use shared::db::Database;
use sqlx::{Connection, PgConnection};
use tests::TestApp;
use tests::builders::a_promo;
use tests::wait::{eventually, within};

use super::metrics::value;
use super::{Running, launch};

#[tokio::test]
async fn an_absent_database_is_shown_until_it_is_back() {
    let mut cluster = Cluster::start(Options::temporary()).await.unwrap();
    let mut admin = PgConnection::connect(&cluster.url()).await.unwrap();
    sqlx::raw_sql("create database smsgw").execute(&mut admin).await.unwrap();
    let url = cluster.url_for("smsgw");
    Database::new(&url).unwrap().migrate().await.unwrap();
    let gateway = Running::on(TestApp::on(url).await, &["serve"]).await;
    let becomes = async |is_away: bool| {
        for part in ["intake", "worker"] {
            let series = format!("smsgw_database_away{{part=\"{part}\"}}");
            within(Duration::from_secs(30), &series, async || {
                let value = value(&gateway.metrics().await, &series);
                (value.map(|value| value > 0.0) == Some(is_away)).then_some(())
            })
            .await;
        }
    };
    becomes(false).await;
    cluster.kill_hard().await.unwrap();
    becomes(true).await;
    cluster.restart().await.unwrap();
    becomes(false).await;
}

#[tokio::test]
async fn a_takeover_is_counted_with_the_messages_it_left_in_doubt() {
    let mut first = Running::start(&["worker"]).await;
    first.app.mock.fail(Vendor::Twilio, Fault::Hang).unwrap();
    first.app.accept(a_promo(first.app.now())).await;
    eventually("the call to hang", async || (first.app.mock.requests().twilio.total > 0).then_some(())).await;
    let (_second, url, _logs) = launch(&first.settings, &["worker"]).await;
    first.process.kill();
    first.url = url;
    for series in
        ["smsgw_takeovers_total", "smsgw_messages_taken_over_total", "smsgw_in_doubt_total{lane=\"promo\"}"]
    {
        eventually(series, async || (value(&first.metrics().await, series) == Some(1.0)).then_some(())).await;
    }
}
