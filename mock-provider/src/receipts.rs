//! Twilio's status callbacks: form posts, signed with the auth token, to the URL each message named.
//!
//! Like Twilio, a callback that fails is not repeated, and none is sent for the status the creation already told.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::header::CONTENT_TYPE;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use sha1::Sha1;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use crate::arrival::Arrival;
use crate::options::Credentials;
use crate::twilio::is_service_sid;

/// Callbacks under way at once.
const CONCURRENT: usize = 32;
/// How long a callback may take.
const TIMEOUT: Duration = Duration::from_secs(5);

type HttpClient = Client<HttpConnector, Full<Bytes>>;

/// A message to report on.
#[derive(Debug)]
pub(crate) struct Receipt {
    url: String,
    arrival: Arc<Arrival>,
    undelivered: Option<u32>,
}

impl Receipt {
    /// The messaging service that sent it, if one did.
    fn service(&self) -> Option<&str> {
        self.arrival.from.as_deref().filter(|from| is_service_sid(from))
    }
}

/// Where deliveries leave the receipts they owe.
#[derive(Debug)]
pub(crate) struct ReceiptQueue(UnboundedSender<Receipt>);

impl ReceiptQueue {
    pub(crate) fn new() -> (Self, UnboundedReceiver<Receipt>) {
        let (sender, receiver) = unbounded_channel();
        (Self(sender), receiver)
    }

    pub(crate) fn post(&self, url: &str, arrival: &Arc<Arrival>, undelivered: Option<u32>) {
        // Fails only while the server stops.
        let _ = self.0.send(Receipt { url: url.to_owned(), arrival: Arc::clone(arrival), undelivered });
    }
}

/// Posts receipts until the queue closes.
pub(crate) async fn post_all(credentials: Credentials, mut receipts: UnboundedReceiver<Receipt>) {
    let client: HttpClient = Client::builder(TokioExecutor::new()).build_http();
    let credentials = Arc::new(credentials);
    let slots = Arc::new(Semaphore::new(CONCURRENT));
    // Owned here, so that stopping this task stops what it has under way.
    let mut posts = JoinSet::new();
    while let Some(receipt) = receipts.recv().await {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
            return;
        };
        while posts.try_join_next().is_some() {}
        let (client, credentials) = (client.clone(), Arc::clone(&credentials));
        posts.spawn(async move {
            post_story(&client, &credentials, &receipt).await;
            drop(slot);
        });
    }
}

/// The callbacks of one message, in order.
async fn post_story(client: &HttpClient, credentials: &Credentials, receipt: &Receipt) {
    for status in statuses(receipt) {
        let fields = fields(credentials, receipt, status);
        let signature = sign(&credentials.twilio_auth_token, &receipt.url, &fields);
        if let Err(reason) = post(client, &receipt.url, &fields, &signature).await {
            tracing::debug!(reason, status, "a status callback did not arrive");
        }
    }
}

/// A message from a number was created as queued, one from a messaging service as accepted.
fn statuses(receipt: &Receipt) -> Vec<&'static str> {
    let last = if receipt.undelivered.is_some() { "undelivered" } else { "delivered" };
    if receipt.service().is_some() { vec!["queued", "sent", last] } else { vec!["sent", last] }
}

fn fields(credentials: &Credentials, receipt: &Receipt, status: &str) -> Vec<(&'static str, String)> {
    let arrival = &receipt.arrival;
    let mut fields = vec![
        ("AccountSid", credentials.twilio_account_sid.clone()),
        ("ApiVersion", "2010-04-01".to_owned()),
        ("MessageSid", arrival.provider_id.clone()),
        ("MessageStatus", status.to_owned()),
        ("SmsSid", arrival.provider_id.clone()),
        ("SmsStatus", status.to_owned()),
        ("To", arrival.to.clone()),
    ];
    match receipt.service() {
        Some(service) => fields.push(("MessagingServiceSid", service.to_owned())),
        None => fields.push(("From", arrival.from.clone().unwrap_or_default())),
    }
    if let Some(code) = receipt.undelivered.filter(|_| status == "undelivered") {
        fields.push(("ErrorCode", code.to_string()));
    }
    fields
}

/// `X-Twilio-Signature`: base64 of HMAC-SHA1 over the URL and the fields sorted by name.
fn sign(token: &str, url: &str, fields: &[(&str, String)]) -> String {
    let mut sorted: Vec<_> = fields.iter().collect();
    sorted.sort();
    let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(url.as_bytes());
    for (name, value) in sorted {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

async fn post(
    client: &HttpClient,
    url: &str,
    fields: &[(&str, String)],
    signature: &str,
) -> Result<(), String> {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = Request::post(url)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded; charset=UTF-8")
        .header("x-twilio-signature", signature)
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| error.to_string())?;
    match tokio::time::timeout(TIMEOUT, client.request(request)).await {
        Ok(Ok(answer)) if answer.status().is_success() => {
            // Read to its end, the connection serves the next callback.
            answer.into_body().collect().await.map(drop).map_err(|error| error.to_string())
        }
        Ok(Ok(answer)) => Err(format!("answered {}", answer.status())),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("timed out".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector was computed by the vendor's own library.
    #[test]
    fn a_callback_is_signed_as_twilio_signs_it() {
        let fields = [
            ("MessageSid", "SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
            ("SmsSid", "SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
            ("MessageStatus", "delivered"),
            ("SmsStatus", "delivered"),
            ("To", "+15558675310"),
            ("From", "+15557122661"),
            ("AccountSid", "AC00000000000000000000000000000000"),
            ("ApiVersion", "2010-04-01"),
            ("RawDlrDoneDate", "2611200801"),
        ]
        .map(|(name, value)| (name, value.to_owned()));
        let url = "https://gateway.example.com/webhooks/twilio?id=1";
        assert_eq!(sign("12345", url, &fields), "TVrhfQmRm74LgmDHhLuTBUZv2PM=");
    }
}
