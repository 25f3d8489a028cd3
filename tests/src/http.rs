//! Plain HTTP clients, for callers of every kind.

use reqwest::{Client, ClientBuilder};
use shared::provider::http::install_crypto;

/// A client that brings no key.
pub fn client() -> Client {
    client_builder().build().unwrap()
}

/// For a client of no proxy: the calls of tests stay on this machine.
pub fn client_builder() -> ClientBuilder {
    // Whichever test is the first of its process: without this it could not make a client.
    install_crypto();
    Client::builder().no_proxy()
}
