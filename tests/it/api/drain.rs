//! The end of a server in good order: what was begun is finished, nothing new is begun.

use std::time::{Duration, Instant};

use sqlx::Connection;
use tests::wait::eventually;
use tests::{Door, TestApp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::half_requests::{connect, head};
use super::{BATCH, SEND, a_message, stored};

#[tokio::test]
async fn a_stop_lets_requests_in_flight_finish_and_takes_no_others() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let address = door.url.trim_start_matches("http://").to_owned();
    let mut owner = app.owner().await;
    let mut busy = owner.begin().await.unwrap();
    sqlx::query("lock table smsgw.sms_outbox in access exclusive mode").execute(&mut *busy).await.unwrap();
    let mut streams = Vec::new();
    let batch = format!("{{\"lane\": \"promo\", \"messages\": [{}]}}", a_message());
    for (path, body) in [(SEND, a_message().to_string()), (BATCH, batch)] {
        let mut stream = connect(&door).await;
        let length = format!("content-length: {}", body.len());
        stream.write_all(&[head(&door, path, &length), body.into_bytes()].concat()).await.unwrap();
        streams.push(stream);
    }
    eventually("both requests to wait for the table", async || {
        let waiting =
            "select count(*) from pg_locks where not granted and relation = 'smsgw.sms_outbox'::regclass
                       and database = (select oid from pg_database where datname = current_database())";
        let waiting: i64 = sqlx::query_scalar(waiting).fetch_one(&app.pool).await.unwrap();
        (waiting == 2).then_some(())
    })
    .await;
    let closing = tokio::spawn(door.close());
    eventually("the door to be closed to others", async || {
        TcpStream::connect(&address).await.is_err().then_some(())
    })
    .await;
    assert!(!closing.is_finished());
    busy.commit().await.unwrap();
    for mut stream in streams {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    }
    tokio::time::timeout(Duration::from_secs(5), closing).await.unwrap().unwrap();
    assert_eq!(stored(&app).await[0], 2);
}

/// Connections that clients keep open without asking anything do not hold a stop up.
#[tokio::test]
async fn idle_and_half_open_connections_do_not_hold_a_stop_up() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    assert_eq!(door.post(SEND, &a_message()).await.status, 202);
    let silent = connect(&door).await;
    let mut half = connect(&door).await;
    half.write_all(&[head(&door, SEND, "content-length: 100"), b"{".to_vec()].concat()).await.unwrap();
    let began = Instant::now();
    tokio::time::timeout(Duration::from_secs(15), door.close()).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
    drop(silent);
}
