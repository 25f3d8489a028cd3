//! Bodies that are too large: refused before they are read, and told so even to who keeps writing.

use std::time::{Duration, Instant};

use reqwest::Method;
use tests::{Door, TestApp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::half_requests::{assert_problem, connect, head};
use super::{BATCH, OTP_SEND, SEND, a_message, assert_refused, stored, stranger};

const HUGE: usize = 50_000_000;

#[tokio::test]
async fn a_body_of_50_mb_is_refused_and_its_sender_reads_why() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for path in [SEND, BATCH, OTP_SEND, "/settings/pauses"] {
        let request = door.request(Method::POST, path).header("content-type", "application/json");
        let answer = door.call(request.body(vec![b' '; HUGE])).await;
        assert_refused(&answer, 413, "body-too-large");
        assert_eq!(answer.fields(), ["body"]);
    }
    let unknown = stranger().post(format!("{}{BATCH}", door.url)).body(vec![b' '; HUGE]);
    assert_refused(&door.call(unknown).await, 401, "unauthorized");
    assert_eq!(door.post(SEND, &a_message()).await.status, 202);
    assert_eq!(stored(&app).await[0], 1);
}

#[tokio::test]
async fn a_body_that_is_announced_too_large_is_refused_before_its_first_byte() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for (path, length) in
        [(SEND, (1 << 20) + 1), (BATCH, (16 << 20) + 1), (BATCH, HUGE), (SEND, usize::MAX / 2)]
    {
        let mut stream = connect(&door).await;
        let expect = format!("content-length: {length}\r\nexpect: 100-continue");
        stream.write_all(&head(&door, path, &expect)).await.unwrap();
        let mut answer = vec![0; 4096];
        let began = Instant::now();
        let read = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut answer)).await;
        let read = read.expect("an answer at once").unwrap();
        assert_problem(&String::from_utf8_lossy(&answer[..read]), 413, "body-too-large");
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    }
    assert_eq!(stored(&app).await, [0; 10]);
}

#[tokio::test]
async fn a_body_without_a_length_is_refused_once_it_is_too_large() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let mut stream = connect(&door).await;
    stream.write_all(&head(&door, SEND, "transfer-encoding: chunked")).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    let sent = tokio::spawn(async move {
        let chunk = [b"10000\r\n".to_vec(), vec![b' '; 65_536], b"\r\n".to_vec()].concat();
        let mut sent = 0;
        // For ever, if the server lets us.
        while sent < 20 * HUGE && write.write_all(&chunk).await.is_ok() {
            sent += chunk.len();
        }
        sent
    });
    let mut answer = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(20), read.read_to_end(&mut answer));
    // A reset is as good as an end: the client was still writing.
    drop(ended.await.expect("the server ends the connection"));
    assert_problem(&String::from_utf8(answer).unwrap(), 413, "body-too-large");
    assert!(sent.await.unwrap() < 20 * HUGE, "the server read on for ever");
    assert_eq!(door.post(SEND, &a_message()).await.status, 202);
}

#[tokio::test]
async fn the_largest_bodies_are_read() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for (path, limit) in [(SEND, 1 << 20), (BATCH, 16 << 20)] {
        let body = match path {
            SEND => a_message().to_string(),
            _ => format!("{{\"lane\": \"promo\", \"messages\": [{}]}}", a_message()),
        };
        let padded = format!("{}{body}", " ".repeat(limit - body.len()));
        let request = door.request(Method::POST, path).header("content-type", "application/json");
        assert_eq!(door.call(request.body(padded)).await.status, 202, "{path}");
    }
}
