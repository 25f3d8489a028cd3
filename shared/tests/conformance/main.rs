//! What every HTTP adapter must make of a vendor's answers and of a network's faults: one list of adapters, the same
//! expectations for each. The vendor is a raw socket, so that faults are real.

mod adapters;
mod answers;
mod checks;
mod connections;
mod discretion;
mod peer;

use adapters::Adapter;
use peer::{Act, Peer};
use shared::provider::{Outcome, ProviderReference, SendError};

/// The bytes of an answer with its whole body.
fn answer(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} Any\r\ncontent-length: {length}\r\n{headers}\r\n{body}").into_bytes()
}

fn yes(adapter: &Adapter) -> Vec<u8> {
    let (status, body) = &adapter.yes;
    answer(*status, "", body)
}

fn failed(adapter: &Adapter, sent: Result<ProviderReference, SendError>) -> SendError {
    sent.expect_err(adapter.name)
}

/// Checks that an adapter calls what `act` does in doubt, for `reason`.
async fn expect_doubt(adapter: &Adapter, act: Act, reason: &str) {
    let peer = Peer::always(act).await;
    let error = failed(adapter, adapter.send_to(&peer.url("http")).await);
    assert_eq!((error.outcome(), error.answer().reason), (Outcome::InDoubt, reason), "{}", adapter.name);
}
