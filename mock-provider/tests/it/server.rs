//! Starting and stopping.

use std::net::SocketAddr;

use clap::Parser;
use mock_provider::{Fault, MockProvider, Options, Server, Vendor};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::client::{Client, PATIENCE};

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    options: Options,
}

#[test]
fn the_command_line_defaults_are_those_of_the_type_but_for_the_port() {
    let parsed = Command::parse_from(["mock-provider"]).options;
    assert_eq!(parsed.listen, SocketAddr::from(([127, 0, 0, 1], 9090)));
    let listening = Options { listen: parsed.listen, ..Options::default() };
    assert_eq!(format!("{parsed:?}"), format!("{listening:?}"));
}

#[tokio::test]
async fn dropping_it_ends_even_a_hanging_request_and_frees_the_port() {
    let client = Client::start();
    client.mock.fail(Vendor::Twilio, Fault::DeliverThenHang).unwrap();
    let address: SocketAddr = client.mock.url().replace("http://", "").parse().unwrap();
    let request = client.text_in_background("+41790000001");
    client.mock.wait_for_arrivals(1, PATIENCE).await;
    drop(client);
    assert!(request.await.unwrap().is_err());
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_server_runs_until_it_is_told_to_stop() {
    let server = Server::bind(&Options::default()).unwrap();
    let address = server.address().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(server.serve(async { drop(stopped.await) }));
    assert!(TcpStream::connect(address).await.is_ok());
    stop.send(()).unwrap();
    tokio::time::timeout(PATIENCE, running).await.expect("an end").unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[test]
fn it_starts_without_any_runtime_and_a_taken_port_is_an_error() {
    let first = MockProvider::start(Options::default()).unwrap();
    let listen = first.url().replace("http://", "").parse().unwrap();
    assert!(MockProvider::start(Options { listen, ..Options::default() }).is_err());
}
