//! Losses and copies: the numbers tests judge the gateway by.

use std::collections::HashSet;
use std::io::BufRead;

use mock_provider::{Arrival, ArrivalCounts, ArrivalPage, Options, Server};

use crate::client::{Client, FROM, answer, http_client};

async fn text_of(client: &Client, reference: &str, to: &str, body: &str) {
    let callback = format!("http://127.0.0.1:1/status?message_id={reference}");
    let form = [("To", to), ("From", FROM), ("Body", body), ("StatusCallback", callback.as_str())];
    assert_eq!(answer(client.twilio_form(&form)).await.0, 201);
}

#[tokio::test]
async fn copies_are_counted_per_reference() {
    let client = Client::start();
    for reference in ["a", "b", "b", "c", "c", "c", "d"] {
        text_of(&client, reference, "+41790000001", reference).await;
    }
    let counts = client.mock.arrival_counts();
    assert_eq!((counts.total, counts.references.arrivals, counts.references.distinct), (7, 7, 4));
    assert_eq!(counts.references.copies, [(1, 2), (2, 1), (3, 1)].into());
    let repeated: Vec<_> = counts.repeated.iter().map(|r| (r.reference.as_str(), r.copies)).collect();
    assert_eq!(repeated, [("c", 3), ("b", 2)]);
    assert_eq!(counts.without_reference.arrivals, 0);
}

#[tokio::test]
async fn without_a_reference_recipient_and_text_make_the_message() {
    let client = Client::start();
    for (phone, code) in [("9876543210", "1111"), ("919876543210", "1111"), ("9876543210", "2222")] {
        client.code(phone, code).await.unwrap();
    }
    let counts = client.mock.arrival_counts();
    assert_eq!((counts.without_reference.arrivals, counts.without_reference.distinct), (3, 2));
    assert_eq!(counts.without_reference.copies, [(1, 1), (2, 1)].into());
    assert_eq!(counts.references.distinct, 0);
}

#[tokio::test]
async fn a_copy_by_another_vendor_shows_in_the_texts() {
    let client = Client::start();
    text_of(&client, "a", "+919876543210", "123456").await;
    client.code("9876543210", "123456").await.unwrap();
    let counts = client.mock.arrival_counts();
    assert_eq!(counts.references.copies, [(1, 1)].into());
    assert_eq!(counts.texts.copies, [(2, 1)].into());
}

/// On a runtime with several threads, as the command runs it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_or_numbered_twice_under_concurrent_callers() {
    let server = Server::bind(&Options::default()).unwrap();
    let url = format!("http://{}", server.address().unwrap());
    let running = tokio::spawn(server.serve(std::future::pending()));
    let callers: Vec<_> = (0..16).map(|caller| tokio::spawn(call_fifty_times(url.clone(), caller))).collect();
    for caller in callers {
        caller.await.unwrap();
    }
    let get = async |path: &str| http_client().get(format!("{url}{path}")).send().await.unwrap();
    let counts: ArrivalCounts = get("/_mock/arrivals/counts").await.json().await.unwrap();
    assert_eq!(counts.references.copies, [(1, 800)].into());
    let page: ArrivalPage = get("/_mock/arrivals").await.json().await.unwrap();
    assert!(page.arrivals.iter().map(|arrival| arrival.index).eq(0..800));
    let ids: HashSet<_> = page.arrivals.iter().map(|arrival| &arrival.provider_id).collect();
    assert_eq!(ids.len(), 800);
    running.abort();
}

async fn call_fifty_times(url: String, caller: usize) {
    let http = http_client();
    for n in 0..50 {
        let path = format!("{url}/API/V1/mock-2factor-key/SMS/9876543210/123456?client_ref={caller}-{n}");
        assert_eq!(http.get(path).send().await.unwrap().status().as_u16(), 200);
    }
}

#[tokio::test]
async fn the_log_file_has_a_line_per_arrival() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("arrivals.jsonl");
    let client = Client::with(Options { log: Some(path.clone()), ..Options::default() });
    text_of(&client, "a", "+41790000001", "first").await;
    client.code("9876543210", "123456").await.unwrap();
    let recorded = client.mock.arrivals();
    drop(client);
    let lines = std::io::BufReader::new(std::fs::File::open(path).unwrap()).lines();
    let logged: Vec<Arrival> = lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    assert!(logged.iter().eq(recorded.iter().map(AsRef::as_ref)), "{logged:?}");
}
