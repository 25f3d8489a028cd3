//! `POST /sms/campaigns/{id}/recipients`: a list, read and committed as it arrives.

use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::value::RawValue;
use shared::campaign::CampaignText;
use shared::phone::Region;
use shared::recipients::{Format, Options};
use shared::store::campaigns::uploads::{self, Upload};
use uuid::Uuid;

use super::*;
use crate::campaigns::list::ListReader;
use crate::campaigns::upload::{self, Uploading};
use crate::extract;

/// Longest name of a column.
const MAX_COLUMN_BYTES: usize = 200;

/// How the list is to be read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::routes) struct ListOptions {
    default_region: Option<String>,
    phone_column: Option<String>,
}

/// A short list within a document.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed<'a> {
    #[serde(borrow)]
    recipients: Vec<&'a RawValue>,
}

/// Adds the recipients of a list.
pub(in crate::routes) async fn add(
    State(app): State<App>,
    caller: Caller<MaySend>,
    Path(id): Path<CampaignId>,
    key: IdempotencyKey,
    Query(options): Query<ListOptions>,
    request: Request,
) -> Result<Response, Problem> {
    let place = app.lists.clone().try_acquire_owned().map_err(|_| IntakeError::Full)?;
    let mut db = app.pool.acquire().await?;
    let campaign = find(&mut db, id).await?;
    if !campaign.takes_recipients() {
        return Err(Problem::campaign_state(campaign.status, "takes no recipients any more"));
    }
    let text = CampaignText::compile(&campaign.text).map_err(|error| Problem::internal(&error))?;
    let options = check(&app, options, format(request.headers())?, &text)?;
    // Without a key of its own a list is remembered all the same, for its counts.
    let key = key
        .text()
        .map_or_else(|| format!("\n{}", Uuid::new_v4()), |key| caller.holder().own(key).into_owned());
    let known = uploads::find(&mut *db, id, &key).await?.unwrap_or_else(Upload::default);
    drop(db);
    let body = match options.format {
        Format::Guess => lines_of(request).await?,
        Format::Csv | Format::Ndjson => request.into_body(),
    };
    let format = if options.format == Format::Guess { Format::Ndjson } else { options.format };
    let reader = ListReader::new(text, app.reach.allowed.clone(), links(&app), Options { format, ..options });
    let uploading = Uploading {
        pool: app.pool.clone(),
        keyring: app.keyring.clone(),
        campaign: id,
        key,
        known,
        reader: Some(reader),
        _place: place,
    };
    Ok(upload::run(uploading, body))
}

fn check(app: &App, asked: ListOptions, format: Format, text: &CampaignText) -> Result<Options, Problem> {
    let region = asked.default_region.as_deref().map(str::parse::<Region>).transpose();
    let region = region.map_err(|error| Problem::field("default_region", error.to_string()))?;
    if asked.phone_column.as_ref().is_some_and(|name| name.len() > MAX_COLUMN_BYTES) {
        return Err(Problem::field("phone_column", format!("must have at most {MAX_COLUMN_BYTES} bytes")));
    }
    Ok(Options {
        format,
        default_region: region.or(app.reach.default_region),
        phone_column: asked.phone_column,
        variables: Some(text.variables().to_vec()),
    })
}

/// How a list is written; a document of JSON is [`Format::Guess`].
fn format(headers: &HeaderMap) -> Result<Format, Problem> {
    match extract::media_type(headers).as_str() {
        "text/csv" | "text/tab-separated-values" | "text/plain" => Ok(Format::Csv),
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Ok(Format::Ndjson),
        "application/json" => Ok(Format::Guess),
        _ => Err(Problem::not_of_media("text/csv, application/x-ndjson or application/json")),
    }
}

/// Turns a document of recipients into a line for each.
async fn lines_of(request: Request) -> Result<Body, Problem> {
    let raw = extract::read_large(request).await?;
    let listed: Listed<'_> = extract::parse(&raw)?;
    let mut lines = String::with_capacity(raw.len());
    for one in listed.recipients {
        // A JSON text has no line's end but between its parts, where a blank does as well.
        lines.extend(one.get().chars().map(|c| if matches!(c, '\n' | '\r') { ' ' } else { c }));
        lines.push('\n');
    }
    Ok(Body::from(lines))
}
