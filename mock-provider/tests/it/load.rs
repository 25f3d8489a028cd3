//! How much it takes, measured by hand: `cargo test --release -p mock-provider -- --ignored --nocapture load`.

use std::time::Instant;

use mock_provider::{MockProvider, Options};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::raw_request;

const CONNECTIONS: u64 = 64;
const REQUESTS_EACH: u64 = 3_000;

/// Raw sockets, so that the client costs as little as it can; it shares the machine with the server all the same.
#[tokio::test]
#[ignore = "a measurement, not a test"]
async fn load() {
    let mock = MockProvider::start(Options::default()).unwrap();
    let address = mock.url().replace("http://", "");
    let started = Instant::now();
    let callers: Vec<_> = (0..CONNECTIONS).map(|_| tokio::spawn(call(address.clone()))).collect();
    for caller in callers {
        caller.await.unwrap();
    }
    let total = CONNECTIONS * REQUESTS_EACH;
    let seconds = started.elapsed().as_secs_f64();
    println!("{total} requests in {seconds:.2} s: {:.0} a second", total as f64 / seconds);
    assert_eq!(mock.arrival_total(), total);
    let counting = Instant::now();
    assert_eq!(mock.arrival_counts().texts.arrivals, total);
    println!("counting them took {:?}", counting.elapsed());
}

async fn call(address: String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let request = raw_request("+41790000001");
    let mut answer = [0; 4096];
    for _ in 0..REQUESTS_EACH {
        stream.write_all(request.as_bytes()).await.unwrap();
        // An answer of this size comes in one piece.
        assert!(stream.read(&mut answer).await.unwrap() > 0);
    }
}
