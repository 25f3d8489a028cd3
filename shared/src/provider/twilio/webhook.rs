//! What Twilio posts to us: receipts and inbound texts, and whether it was Twilio that did.
//!
//! Shapes and signature as in Twilio's documentation ("Webhooks security", "Outbound message status in status
//! callbacks", "Advanced Opt-Out", 2026-11).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha1::Sha1;
use url::Url;

use super::answer::OPTED_OUT;
use crate::consent::{Statement, Stop};
use crate::ids::MessageId;
use crate::phone::PhoneNumber;
use crate::provider::catalogue::setting::is_sid;
use crate::reply;
use crate::store::inbound::{Inbound, Wish};
use crate::store::receipts::{Receipt, ReceiptStatus};

/// The fields of a form, decoded, in their order.
pub type Fields = [(String, String)];

/// Whether `signature`, of the header `X-Twilio-Signature`, was made with `token` for a form posted to `url` with
/// `query` as it stands in the request. Compared in constant time.
pub fn is_signed(
    token: &SecretString,
    url: &Url,
    query: Option<&str>,
    fields: &Fields,
    signature: &[u8],
) -> bool {
    let Ok(signature) = STANDARD.decode(signature) else { return false };
    let mut fields: Vec<_> = fields.iter().collect();
    fields.sort_unstable();
    // A value that is repeated under one name counts once.
    fields.dedup();
    // Twilio's side may name the port of the URL it was given or leave it out.
    ports(url).iter().any(|url| {
        let mut mac = Hmac::<Sha1>::new_from_slice(token.expose_secret().as_bytes())
            .expect("HMAC takes keys of any length");
        mac.update(url.as_bytes());
        if let Some(query) = query {
            mac.update(b"?");
            mac.update(query.as_bytes());
        }
        for (name, value) in &fields {
            mac.update(name.as_bytes());
            mac.update(value.as_bytes());
        }
        mac.verify_slice(&signature).is_ok()
    })
}

/// A URL as it is, and with its port left out or, if it has the usual one, named.
fn ports(url: &Url) -> [String; 2] {
    let as_it_is = url.to_string();
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    let (with, without) = (format!("://{host}:{port}"), format!("://{host}"));
    let other = match url.port() {
        Some(_) => as_it_is.replacen(&with, &without, 1),
        None => as_it_is.replacen(&without, &with, 1),
    };
    [as_it_is, other]
}

/// A receipt that `provider` was sent for `message_id`; `None` if it says nothing that we keep.
pub fn receipt(provider: &str, message_id: MessageId, fields: &Fields) -> Option<Receipt> {
    let status = match either(fields, "MessageStatus", "SmsStatus")? {
        "accepted" | "scheduled" | "queued" | "sending" | "sent" => ReceiptStatus::Sent,
        "delivered" | "read" => ReceiptStatus::Delivered,
        "undelivered" | "failed" | "canceled" => ReceiptStatus::Undelivered,
        _ => return None,
    };
    let is_code = |code: &&str| (1..=10).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_digit());
    Some(Receipt {
        message_id,
        provider_name: provider.to_owned(),
        provider_message_id: message_sid(fields)?.to_owned(),
        status,
        error_code: find(fields, "ErrorCode").filter(is_code).map(str::to_owned),
    })
}

/// What a receipt tells of a person, if Twilio gave their message up because they texted STOP to its sender: that of a
/// Messaging Service is only noticed once Twilio has taken it.
pub fn stops(provider: &str, fields: &Fields) -> Vec<Statement> {
    let is_stop = find(fields, "ErrorCode").and_then(|code| code.parse().ok()) == Some(OPTED_OUT);
    let phone = find(fields, "To").filter(|_| is_stop).and_then(|to| PhoneNumber::parse(to, None).ok());
    let Some(phone) = phone else { return Vec::new() };
    let sender = either(fields, "MessagingServiceSid", "From");
    Statement::told_by_provider(provider, &phone, sender, message_sid(fields).map(str::to_owned))
}

/// Reads an inbound text; `None` for everything but a stop or a start, HELP included: that is Twilio's to answer.
pub fn inbound(fields: &Fields) -> Option<Inbound> {
    Some(Inbound {
        provider_message_id: message_sid(fields)?.to_owned(),
        wish: wish(fields)?,
        from: PhoneNumber::parse(find(fields, "From")?, None).ok()?,
        to: ["To", "MessagingServiceSid"]
            .into_iter()
            .filter_map(|name| Stop::of_sender(find(fields, name)?).ok())
            .collect(),
    })
}

/// What a text asks for. A Messaging Service with Advanced Opt-Out, whose words its owner has chosen, says what it took
/// the text for and has already acted on it; else the text speaks for itself.
fn wish(fields: &Fields) -> Option<Wish> {
    match find(fields, "OptOutType") {
        Some("STOP") => Some(Wish::Stop),
        Some("START") => Some(Wish::Start),
        Some("HELP") => None,
        _ => reply::wish(find(fields, "Body")?),
    }
}

fn message_sid(fields: &Fields) -> Option<&str> {
    either(fields, "MessageSid", "SmsSid").filter(|sid| is_sid(sid, "SM") || is_sid(sid, "MM"))
}

/// A field by its name, or else by the one it had before.
fn either<'a>(fields: &'a Fields, name: &str, former: &str) -> Option<&'a str> {
    find(fields, name).or_else(|| find(fields, former))
}

fn find<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests;
