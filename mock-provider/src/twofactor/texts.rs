//! Texts: transactional and promotional sends, and the report that can be asked for later.

use bytes::Bytes;
use hyper::StatusCode;
use hyper::http::request::Parts;

use super::{Refusal, answers, phone, reference};
use crate::arrival::ArrivalKind;
use crate::fields::{Fields, media_type};
use crate::reply::{self, Reply};
use crate::state::State;
use crate::submission::Submission;
use crate::vendor::Vendor;

/// Reads `POST …/ADDON_SERVICES/SEND/TSMS` or `PSMS`: form or JSON, fields in the query as well.
///
/// # Errors
/// 2Factor's refusal of the first field that is missing or wrong.
pub(super) fn parse(head: &Parts, body: &Bytes) -> Result<Submission, Refusal> {
    let fields = fields(head, body)?;
    let from = fields.get("From").filter(|from| is_sender(from)).ok_or("Invalid Sender Id")?;
    let recipients = recipients(fields.get("To").unwrap_or_default())?;
    let template = fields.get("TemplateName");
    let text = fields.get("Msg");
    if template.is_none() && text.is_none() {
        return Err("Invalid Template Name");
    }
    Ok(Submission {
        vendor: Vendor::TwoFactor,
        kind: ArrivalKind::Text,
        recipients,
        from: Some(from.to_owned()),
        body: text.unwrap_or_default().to_owned(),
        template: template.map(str::to_owned),
        variables: variables(&fields),
        reference: reference(&fields, &head.headers),
        provider_id: None,
        validity_s: None,
        status_callback: None,
    })
}

fn fields(head: &Parts, body: &Bytes) -> Result<Fields, Refusal> {
    let own = match media_type(head).as_deref() {
        Some("application/json") => Fields::from_json(body).ok_or("Invalid Request Body")?,
        None | Some("application/x-www-form-urlencoded") => Fields::from_form(body),
        Some(_) => return Err("Invalid Request Body"),
    };
    Ok(own.and(Fields::from_query(head)))
}

/// A DLT header: six letters.
fn is_sender(from: &str) -> bool {
    from.len() == 6 && from.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn recipients(list: &str) -> Result<Vec<String>, Refusal> {
    list.split(',').map(|number| phone::parse(number.trim())).collect()
}

/// `VAR1` to `VAR5`, up to the last one given; a gap is an empty text.
fn variables(fields: &Fields) -> Vec<String> {
    let given: Vec<Option<&str>> =
        ["VAR1", "VAR2", "VAR3", "VAR4", "VAR5"].into_iter().map(|name| fields.get(name)).collect();
    let used = given.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
    given.into_iter().take(used).map(|value| value.unwrap_or_default().to_owned()).collect()
}

/// Answers `GET …/ADDON_SERVICES/RPT/TSMS/{id}`: XML, unlike everything else here.
pub(super) fn report(state: &State, id: &str) -> Reply {
    let Some(sent) = state.arrivals.find(Vendor::TwoFactor, id) else {
        return answers::error("Invalid API / SessionId Combination - No Entry Exists");
    };
    let to = sent.to.trim_start_matches('+');
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><response><sessionId>{id}</sessionId><mobile>{to}</mobile>\
         <errorId>0</errorId><statusDesc>DELIVERED</statusDesc></response>"
    );
    reply::with_type(StatusCode::OK, "application/xml", xml.into())
}
