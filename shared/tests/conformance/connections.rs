//! Calls that come through, and connections that fail, break, hang or drip.

use std::time::{Duration, Instant};

use shared::provider::{Outcome, SendError};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::adapters::{self, Adapter};
use crate::peer::{Act, Peer};
use crate::{expect_doubt, failed, yes};

#[tokio::test]
async fn a_yes_is_accepted_with_the_vendors_id() {
    for adapter in adapters::all() {
        let peer = Peer::always(Act::Answer(yes(&adapter))).await;
        let reference = adapter.send_to(&peer.url("http")).await.expect(adapter.name);
        assert_eq!((reference.id.as_str(), reference.status_code), (adapter.id, Some(adapter.yes.0)));
        let [request] = &peer.requests()[..] else { panic!("one request") };
        assert!(request.starts_with("POST /"), "{request}");
        assert!(request.contains("x-request-id: 00000000-0000-0000-0000-000000000007\r\n"), "{request}");
        assert!(request.contains("content-length: "), "{request}");
        assert!(request.contains("919876543210"), "{request}");
    }
}

#[tokio::test]
async fn calls_share_a_warm_connection() {
    for adapter in adapters::all() {
        let peer = Peer::always(Act::Answer(yes(&adapter))).await;
        let provider = adapter.at(&peer.url("http"));
        for _ in 0..3 {
            adapter.send_by(&provider).await.expect(adapter.name);
        }
        assert_eq!((peer.requests().len(), peer.connections()), (3, 1), "{}", adapter.name);
    }
}

#[tokio::test]
async fn a_refused_connection_is_certainly_not_sent() {
    let port = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    for adapter in adapters::all() {
        let error = failed(&adapter, adapter.send_to(&format!("http://{port}")).await);
        assert!(matches!(error, SendError::Unavailable { .. }), "{}: {error:?}", adapter.name);
        assert_eq!(error.answer().reason, "connect");
    }
}

#[tokio::test]
async fn a_connection_that_is_not_made_within_two_seconds_is_certainly_not_sent() {
    let (full, mute) = (FullHouse::start().await, Peer::always(Act::Hang).await);
    let places = [format!("http://{}", full.address), mute.url("https")];
    let pairs = places.iter().flat_map(|url| adapters::all().into_iter().map(move |adapter| (adapter, url)));
    let calls = pairs.map(|(adapter, url)| async move {
        let started = Instant::now();
        let error = failed(&adapter, adapter.send_to(url).await);
        (adapter.name, error, started.elapsed())
    });
    for (name, error, took) in futures::future::join_all(calls).await {
        assert!(matches!(error, SendError::Unavailable { .. }), "{name}: {error:?}");
        assert_eq!(error.answer().reason, "connect_timeout", "{name}");
        assert!(took < Duration::from_secs(4), "{name} took {took:?}");
    }
}

/// A listener whose queue is full, so that the system drops further attempts.
struct FullHouse {
    address: std::net::SocketAddr,
    _listener: TcpListener,
    _guests: Vec<TcpStream>,
}

impl FullHouse {
    async fn start() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
        let listener = socket.listen(1).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let mut guests = Vec::new();
        let patience = Duration::from_millis(500);
        while let Ok(guest) = tokio::time::timeout(patience, TcpStream::connect(address)).await {
            guests.push(guest.expect("loopback connects"));
            assert!(guests.len() < 100, "the queue never fills");
        }
        Self { address, _listener: listener, _guests: guests }
    }
}

#[tokio::test]
async fn a_failed_tls_handshake_is_certainly_not_sent() {
    for adapter in adapters::all() {
        let peer = Peer::always(Act::ResetUnread).await;
        let error = failed(&adapter, adapter.send_to(&peer.url("https")).await);
        assert!(matches!(error, SendError::Unavailable { .. }), "{}: {error:?}", adapter.name);
        assert_eq!(error.answer().reason, "connect");
    }
}

#[tokio::test]
async fn a_connection_broken_before_the_request_is_certainly_not_sent_where_that_is_known() {
    for adapter in adapters::all() {
        let peer = Peer::always(Act::ResetAtOnce).await;
        let mut certain = 0;
        for _ in 0..20 {
            match failed(&adapter, adapter.send_to(&peer.url("http")).await) {
                SendError::Unavailable { answer } if answer.reason == "connection_closed" => certain += 1,
                // The reset may come while the request is being written.
                error => assert_eq!((error.outcome(), error.answer().reason), (Outcome::InDoubt, "reset")),
            }
        }
        assert!(certain > 0, "{}", adapter.name);
    }
}

#[tokio::test]
async fn a_connection_broken_after_the_request_left_is_in_doubt() {
    for adapter in adapters::all() {
        for act in [Act::ResetUnread, Act::Reset, Act::Close, Act::AnswerAndClose(b"HTTP/1.1 20".to_vec())] {
            expect_doubt(&adapter, act, "reset").await;
        }
    }
}

#[tokio::test]
async fn a_silent_vendor_is_in_doubt_when_the_time_is_up() {
    for adapter in adapters::all().into_iter().map(Adapter::hurried) {
        let started = Instant::now();
        expect_doubt(&adapter, Act::Hang, "timeout").await;
        let took = started.elapsed();
        assert!((Duration::from_millis(300)..Duration::from_millis(1500)).contains(&took), "{took:?}");
    }
}

#[tokio::test]
async fn a_vendor_that_drips_cannot_hold_a_call_beyond_its_time() {
    for adapter in adapters::all().into_iter().map(Adapter::hurried) {
        let whole = yes(&adapter);
        let (head, body) = whole.split_at(whole.len() - adapter.yes.1.len());
        for act in [Act::Drip(Vec::new(), whole.clone()), Act::Drip(head.to_vec(), body.to_vec())] {
            let started = Instant::now();
            expect_doubt(&adapter, act, "timeout").await;
            assert!(started.elapsed() < Duration::from_millis(1500), "{}", adapter.name);
        }
    }
}

#[tokio::test]
async fn a_reused_connection_that_breaks_is_in_doubt_and_the_call_is_not_repeated() {
    for adapter in adapters::all() {
        let first = yes(&adapter);
        let peer = Peer::start(move |n| if n == 0 { Act::Answer(first.clone()) } else { Act::Reset }).await;
        let provider = adapter.at(&peer.url("http"));
        adapter.send_by(&provider).await.expect(adapter.name);
        let error = failed(&adapter, adapter.send_by(&provider).await);
        assert_eq!((error.outcome(), error.answer().reason), (Outcome::InDoubt, "reset"));
        assert_eq!((peer.requests().len(), peer.connections()), (2, 1), "{}", adapter.name);
    }
}

#[tokio::test]
async fn connections_closed_while_idle_neither_lose_nor_double_a_call() {
    const CALLS: usize = 50;
    for adapter in adapters::all() {
        let peer = Peer::always(Act::AnswerAndClose(yes(&adapter))).await;
        let provider = adapter.at(&peer.url("http"));
        let (mut accepted, mut in_doubt) = (0, 0);
        for _ in 0..CALLS {
            match adapter.send_by(&provider).await {
                Ok(_) => accepted += 1,
                Err(SendError::InDoubt { .. }) => in_doubt += 1,
                Err(SendError::Unavailable { .. }) => {}
                Err(error) => panic!("{}: {error:?}", adapter.name),
            }
        }
        let arrived = peer.requests().len();
        assert!(
            (accepted..=accepted + in_doubt).contains(&arrived),
            "{accepted} + {in_doubt}, {arrived} arrived"
        );
        assert!(accepted > 0, "{}", adapter.name);
    }
}
