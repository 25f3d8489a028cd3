//! Twilio's status callbacks, received by a socket that answers 204.

use mock_provider::{Fault, Options, Vendor};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::client::{Client, FROM, PATIENCE};

/// A gateway's webhook: each callback as (head, body).
struct Webhook {
    url: String,
    callbacks: mpsc::UnboundedReceiver<(String, String)>,
}

impl Webhook {
    async fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/webhooks/twilio/status", listener.local_addr().unwrap());
        let (sender, callbacks) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer_callbacks(stream, sender.clone()));
            }
        });
        Self { url, callbacks }
    }

    async fn next(&mut self) -> (String, String) {
        tokio::time::timeout(PATIENCE, self.callbacks.recv()).await.expect("a callback").unwrap()
    }
}

async fn answer_callbacks(mut stream: TcpStream, callbacks: mpsc::UnboundedSender<(String, String)>) {
    let mut seen = Vec::new();
    while stream.read_buf(&mut seen).await.unwrap_or(0) > 0 {
        let text = String::from_utf8_lossy(&seen).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() < length.map_or(0, |length| length.parse().unwrap()) {
            continue;
        }
        callbacks.send((head.to_owned(), body.to_owned())).unwrap();
        seen.clear();
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    }
}

fn with_receipts() -> Client {
    Client::with(Options { receipts: true, ..Options::default() })
}

/// Sends in the background: one test has told the vendor not to answer.
fn send(client: &Client, to: &str, callback: &str) {
    let form = [("To", to), ("From", FROM), ("Body", "hello"), ("StatusCallback", callback)];
    tokio::spawn(client.twilio_form(&form).send());
}

#[tokio::test]
async fn a_delivered_message_is_reported_sent_and_delivered_with_a_signature() {
    let client = with_receipts();
    let mut webhook = Webhook::listen().await;
    let callback = format!("{}?message_id=m-1", webhook.url);
    send(&client, "+41790000001", &callback);
    let sid = client.mock.wait_for_arrivals(1, PATIENCE).await[0].provider_id.clone();
    for status in ["sent", "delivered"] {
        let (head, body) = webhook.next().await;
        assert!(head.starts_with("POST /webhooks/twilio/status?message_id=m-1 HTTP/1.1"), "{head}");
        assert!(head.contains("x-twilio-signature: "), "{head}");
        assert!(body.contains(&format!("MessageStatus={status}")), "{body}");
        assert!(body.contains(&format!("MessageSid={sid}")), "{body}");
        assert!(body.contains("To=%2B41790000001"), "{body}");
    }
}

#[tokio::test]
async fn a_magic_number_is_reported_undelivered_with_its_code() {
    let client = with_receipts();
    let mut webhook = Webhook::listen().await;
    let url = webhook.url.clone();
    send(&client, "+41795530005", &url);
    assert!(webhook.next().await.1.contains("MessageStatus=sent"));
    let (_, body) = webhook.next().await;
    assert!(body.contains("MessageStatus=undelivered") && body.contains("ErrorCode=30005"), "{body}");
}

#[tokio::test]
async fn a_delivery_without_an_answer_is_reported_all_the_same() {
    let client = with_receipts();
    client.mock.fail(Vendor::Twilio, Fault::DeliverThenHang).unwrap();
    let mut webhook = Webhook::listen().await;
    let url = webhook.url.clone();
    send(&client, "+41790000001", &url);
    assert!(webhook.next().await.1.contains("MessageStatus=sent"));
}
