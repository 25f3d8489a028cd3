//! The parameters of a new message: each one checked, the first that is wrong answered with its own code.

use uuid::Uuid;

use crate::arrival::ArrivalKind;
use crate::fields::Fields;
use crate::submission::Submission;
use crate::vendor::Vendor;

/// The longest body, in characters.
const MAX_BODY: usize = 1600;
/// The longest validity period: ten hours, in seconds.
const MAX_VALIDITY_S: u32 = 36_000;

/// The code of Twilio's refusal of a parameter.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RefusalCode(pub(super) u32);

/// Reads the parameters of `POST …/Messages.json`.
///
/// # Errors
/// The code for the first parameter that is missing or wrong.
pub(super) fn parse(fields: &Fields) -> Result<Submission, RefusalCode> {
    let to = recipient(fields)?;
    let from = sender(fields)?;
    let body = body(fields)?;
    let validity_s = fields.get("ValidityPeriod").map(validity).transpose()?;
    let status_callback = fields.get("StatusCallback").map(callback).transpose()?;
    Ok(Submission {
        vendor: Vendor::Twilio,
        kind: ArrivalKind::Text,
        recipients: vec![to.to_owned()],
        from: Some(from.to_owned()),
        body: body.to_owned(),
        template: fields.get("ContentSid").map(str::to_owned),
        variables: fields.get("ContentVariables").map(str::to_owned).into_iter().collect(),
        reference: status_callback.and_then(reference_in),
        provider_id: None,
        validity_s,
        status_callback: status_callback.map(str::to_owned),
    })
}

fn recipient(fields: &Fields) -> Result<&str, RefusalCode> {
    let to = fields.get("To").ok_or(RefusalCode(21604))?;
    if is_e164(to) { Ok(to) } else { Err(RefusalCode(21211)) }
}

/// A number or a name, or else a messaging service.
fn sender(fields: &Fields) -> Result<&str, RefusalCode> {
    match (fields.get("From"), fields.get("MessagingServiceSid")) {
        (Some(from), _) if is_sender(from) => Ok(from),
        (Some(_), _) => Err(RefusalCode(21212)),
        (None, Some(service)) if is_service_sid(service) => Ok(service),
        (None, Some(_)) => Err(RefusalCode(21705)),
        (None, None) => Err(RefusalCode(21603)),
    }
}

/// The text, which may be empty if there is a picture or a template.
fn body(fields: &Fields) -> Result<&str, RefusalCode> {
    let body = fields.get("Body").unwrap_or_default();
    let bare = fields.get("MediaUrl").is_none() && fields.get("ContentSid").is_none();
    if body.is_empty() && bare {
        Err(RefusalCode(21602))
    } else if body.chars().count() > MAX_BODY {
        Err(RefusalCode(21617))
    } else {
        Ok(body)
    }
}

fn validity(text: &str) -> Result<u32, RefusalCode> {
    let seconds = text.parse().ok().filter(|seconds| (1..=MAX_VALIDITY_S).contains(seconds));
    seconds.ok_or(RefusalCode(21624))
}

fn callback(url: &str) -> Result<&str, RefusalCode> {
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let complete = host.is_some_and(|host| !host.is_empty() && !host.starts_with('/'));
    if complete && url.len() <= 4000 && !url.contains(' ') { Ok(url) } else { Err(RefusalCode(21609)) }
}

/// Whether this is a number as Twilio takes it.
pub(super) fn is_e164(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or_default();
    (8..=15).contains(&digits.len()) && !digits.starts_with('0') && is_digits(digits)
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_sender(from: &str) -> bool {
    let short_code = (3..=8).contains(&from.len()) && is_digits(from);
    let letters = from.bytes().any(|byte| byte.is_ascii_alphabetic());
    let allowed = from.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" +-_&".contains(&byte));
    is_e164(from) || short_code || (from.len() <= 11 && letters && allowed)
}

/// Whether this is the SID of a messaging service.
pub(crate) fn is_service_sid(text: &str) -> bool {
    let digits = text.strip_prefix("MG").unwrap_or_default();
    digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The sender's message id in a callback URL: `?message_id=`, else a UUID that ends the path.
fn reference_in(url: &str) -> Option<String> {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let in_query = Fields::from_form(query.as_bytes()).get("message_id").map(str::to_owned);
    in_query.or_else(|| {
        let last = path.rsplit('/').next()?;
        Uuid::try_parse(last).ok().map(|_| last.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_is_the_query_parameter_or_a_uuid_at_the_end_of_the_path() {
        let id = "0190c0de-0000-7000-8000-000000000001";
        let at = |url: &str| reference_in(url);
        assert_eq!(at(&format!("http://h/webhooks/twilio/status?message_id={id}")).as_deref(), Some(id));
        assert_eq!(at(&format!("http://h/status/{id}")).as_deref(), Some(id));
        assert_eq!(at("http://h/webhooks/twilio/status"), None);
    }

    #[test]
    fn a_sender_is_a_number_a_short_code_or_a_name() {
        assert!(["+15005550006", "12345", "ACME", "Shop 24"].into_iter().all(is_sender));
        assert!(["+1", "ALongerThan11", "!!", "123456789012"].into_iter().all(|from| !is_sender(from)));
    }
}
