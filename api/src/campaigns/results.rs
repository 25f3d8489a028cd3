//! What became of each recipient, as CSV for spreadsheets or NDJSON for programs, written as it is read.

use std::collections::VecDeque;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use chrono::SecondsFormat;
use futures::stream;
use serde::Deserialize;
use serde_json::json;
use shared::campaign::CampaignStatus;
use shared::csv::append_row;
use shared::store::campaigns::Campaign;
use shared::store::campaigns::results::{self, Outcome, Position};
use sqlx::PgPool;

/// Recipients read at a time. Each time is a query of its own: a slow reader holds no connection and no snapshot.
const PAGE: i64 = 2000;
const HEADER: [&str; 9] =
    ["phone", "status", "reason", "provider", "message_id", "country", "segments", "attempts", "finished_at"];

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ResultsFormat {
    /// For spreadsheets.
    #[default]
    Csv,
    /// For programs.
    Ndjson,
}

/// Writes the results of a campaign.
struct Writer {
    pool: PgPool,
    campaign: Campaign,
    format: ResultsFormat,
    at: Position,
    /// What is written and not sent yet.
    ready: VecDeque<Bytes>,
    is_through: bool,
}

/// Answers with the results of a campaign.
pub(crate) fn stream(pool: PgPool, campaign: Campaign, format: ResultsFormat) -> Response {
    let (kind, extension) = match format {
        ResultsFormat::Csv => ("text/csv; charset=utf-8; header=present", "csv"),
        ResultsFormat::Ndjson => ("application/x-ndjson", "ndjson"),
    };
    let name = format!("attachment; filename=\"campaign-{}.{extension}\"", campaign.id);
    let mut writer =
        Writer { pool, campaign, format, at: Position::START, ready: VecDeque::new(), is_through: false };
    if format == ResultsFormat::Csv {
        let mut header = String::new();
        append_row(&mut header, HEADER);
        writer.ready.push_back(header.into());
    }
    let body = Body::from_stream(stream::try_unfold(writer, |mut writer| async move {
        let next = writer.next().await?;
        Ok::<_, sqlx::Error>(next.map(|bytes| (bytes, writer)))
    }));
    ([(CONTENT_TYPE, kind.to_owned()), (CONTENT_DISPOSITION, name)], body).into_response()
}

impl Writer {
    async fn next(&mut self) -> sqlx::Result<Option<Bytes>> {
        if self.ready.is_empty() && !self.is_through {
            self.read().await?;
        }
        Ok(self.ready.pop_front())
    }

    async fn read(&mut self) -> sqlx::Result<()> {
        let mut db = self.pool.acquire().await?;
        let Campaign { id, number, .. } = self.campaign;
        let mut page = results::list(&mut *db, id, number, self.at, PAGE).await?;
        self.is_through = i64::try_from(page.len()).is_ok_and(|count| count < PAGE);
        let Some(last) = page.last() else { return Ok(()) };
        self.at = last.at;
        results::fill(&mut *db, &mut page).await?;
        let mut text = String::with_capacity(page.len() * 120);
        for one in &page {
            self.write(&mut text, one);
        }
        self.ready.push_back(text.into());
        Ok(())
    }

    fn write(&self, out: &mut String, one: &Outcome) {
        let status = self.status(one);
        let id = one.message_id.map(|id| id.to_string());
        let finished_at = one.finished_at.map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true));
        match self.format {
            ResultsFormat::Csv => {
                let (segments, attempts) = (one.segments.to_string(), one.attempts.unwrap_or(0).to_string());
                append_row(
                    out,
                    [
                        one.phone.as_str(),
                        status,
                        one.reason.as_deref().unwrap_or_default(),
                        one.provider_name.as_deref().unwrap_or_default(),
                        id.as_deref().unwrap_or_default(),
                        one.country.as_str(),
                        &segments,
                        &attempts,
                        finished_at.as_deref().unwrap_or_default(),
                    ],
                );
            }
            ResultsFormat::Ndjson => {
                let told = json!({
                    "phone": one.phone, "status": status, "reason": one.reason, "provider": one.provider_name,
                    "message_id": id, "country": Some(&one.country).filter(|code| !code.is_empty()),
                    "segments": one.segments, "attempts": one.attempts.unwrap_or(0), "finished_at": finished_at,
                });
                out.push_str(&told.to_string());
                out.push('\n');
            }
        }
    }

    /// Where somebody's message stands, or why they have none.
    fn status<'a>(&self, one: &'a Outcome) -> &'a str {
        match (&one.status, one.message_id) {
            (Some(status), _) => status,
            // The log is kept for a limited time.
            (None, Some(_)) => "deleted",
            (None, None) => match self.campaign.status {
                CampaignStatus::Cancelled | CampaignStatus::Finished => "not_sent",
                CampaignStatus::Draft
                | CampaignStatus::Scheduled
                | CampaignStatus::Running
                | CampaignStatus::Paused => "waiting",
            },
        }
    }
}
