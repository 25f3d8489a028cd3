//! Clients that send half a request: each is told why or let go, and holds nobody else up.

use std::time::{Duration, Instant};

use futures::future::join_all;
use secrecy::ExposeSecret;
use tests::{Door, TestApp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{SEND, a_message, stored};

pub(super) async fn connect(door: &Door) -> TcpStream {
    TcpStream::connect(door.url.trim_start_matches("http://")).await.unwrap()
}

/// Writes `request`, as far as the server takes it, and reads all it answers until it hangs up.
pub(super) async fn talk(door: &Door, request: &[u8], close: bool) -> String {
    let mut stream = connect(door).await;
    // The server may refuse before it has read all.
    drop(stream.write_all(request).await);
    if close {
        stream.shutdown().await.unwrap();
    }
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut answer));
    read.await.expect("the server ends the connection").unwrap();
    String::from_utf8(answer).unwrap()
}

/// The head of a POST with the key.
pub(super) fn head(door: &Door, path: &str, more: &str) -> Vec<u8> {
    let key = door.key.expose_secret();
    format!(
        "POST {path} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\n{more}\r\n\r\n"
    )
    .into_bytes()
}

#[track_caller]
pub(super) fn assert_problem(answer: &str, status: u16, code: &str) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    assert!(answer.to_lowercase().contains("content-type: application/problem+json"), "{answer}");
    assert!(answer.contains(&format!("\"code\":\"{code}\"")), "{answer}");
}

#[tokio::test]
async fn half_a_request_is_told_what_was_missing() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let length = |path| [head(&door, path, "content-length: 100"), b"{\"to\": ".to_vec()].concat();
    let chunked = [head(&door, SEND, "transfer-encoding: chunked"), b"7\r\n{\"to\": \r\n".to_vec()].concat();
    let broken = [head(&door, SEND, "transfer-encoding: chunked"), b"zz\r\n{\"to\": \r\n".to_vec()].concat();
    let (short, batch) = (length(SEND), length("/sms/send-batch"));
    let began = Instant::now();
    let (closed, of_batch, chunks, framing, hanging, half_head) = tokio::join!(
        talk(&door, &short, true),
        talk(&door, &batch, true),
        talk(&door, &chunked, true),
        talk(&door, &broken, false),
        talk(&door, &short, false),
        talk(&door, b"POST /sms/send-transactional HTT", false),
    );
    for answer in [closed, of_batch, chunks, framing] {
        assert_problem(&answer, 400, "incomplete-body");
    }
    for answer in [hanging, half_head] {
        assert_problem(&answer, 408, "request-timeout");
    }
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(stored(&app).await, [0; 10]);
}

#[tokio::test]
async fn whoever_goes_away_in_the_middle_leaves_nothing_behind() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let body = a_message().to_string();
    let whole = [head(&door, SEND, &format!("content-length: {}", body.len())), body.into_bytes()].concat();
    for length in (1..whole.len() - 1).step_by(7) {
        let mut stream = connect(&door).await;
        stream.write_all(&whole[..length]).await.unwrap();
        if length % 2 == 0 {
            // A reset instead of an end.
            stream.set_zero_linger().unwrap();
        }
    }
    assert_eq!(door.post(SEND, &a_message()).await.status, 202);
    assert_eq!(stored(&app).await[0], 1);
}

/// A slow client holds its own connection and nothing else.
#[tokio::test]
async fn two_hundred_half_requests_hold_nobody_up() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let half_body = [head(&door, SEND, "content-length: 100"), b"{".to_vec()].concat();
    let streams = join_all((0..200).map(|n| {
        let (door, half_body) = (&door, &half_body);
        async move {
            let mut stream = connect(door).await;
            let sent: &[u8] = if n % 2 == 0 { b"GET /hea" } else { half_body };
            stream.write_all(sent).await.unwrap();
            stream
        }
    }))
    .await;
    for _ in 0..20 {
        let began = Instant::now();
        assert_eq!(door.post(SEND, &a_message()).await.status, 202);
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    }
    drop(streams);
    assert_eq!(stored(&app).await[0], 20);
}

/// Bytes that trickle in are not progress for ever.
#[tokio::test]
async fn a_head_that_trickles_in_is_cut_off() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let (mut read, mut write) = connect(&door).await.into_split();
    let trickle = tokio::spawn(async move {
        for byte in b"GET /healthz HTTP/1.1\r\nx: ".iter().chain([b'a'; 10_000].iter()) {
            if write.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), read.read_to_end(&mut answer));
    // A reset is as good as an end: the client was still writing.
    drop(read.await.expect("the server ends the connection"));
    trickle.abort();
    assert_problem(&String::from_utf8(answer).unwrap(), 408, "request-timeout");
}
