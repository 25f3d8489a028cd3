//! All stops, as CSV for spreadsheets or as NDJSON for programs; either can be imported again.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::IntoResponse;
use futures::stream;
use serde::Deserialize;
use shared::csv;
use shared::store::opt_outs::{self, ListedOptOut};
use sqlx::PgPool;

use crate::app::App;
use crate::auth::{Caller, MayRead};
use crate::extract::Query;
use crate::problem::Problem;

/// Stops asked for at a time. Each time is a query of its own: a slow reader holds no connection and no snapshot.
const PAGE: i64 = 2_000;

/// How a list is written.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Form {
    #[default]
    Csv,
    Ndjson,
}

/// How it is wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::routes) struct Wanted {
    #[serde(default)]
    format: Form,
}

/// Gives all stops, by number.
pub(in crate::routes) async fn export(
    State(app): State<App>,
    _: Caller<MayRead>,
    Query(Wanted { format }): Query<Wanted>,
) -> Result<impl IntoResponse, Problem> {
    let (kind, name, head) = match format {
        Form::Csv => (
            "text/csv; charset=utf-8",
            "opt-outs.csv",
            written(|out| csv::append_row(out, ListedOptOut::COLUMNS)),
        ),
        Form::Ndjson => ("application/x-ndjson", "opt-outs.ndjson", String::new()),
    };
    // What is wrong with the database is told as a problem, as long as it can be.
    let first = opt_outs::list_all(&app.pool, None, PAGE).await?;
    let list = List { pool: app.pool.clone(), format, head, next: Some(first) };
    let pages = stream::try_unfold(list, async |mut list| {
        Ok::<_, sqlx::Error>(list.page().await?.map(|page| (page, list)))
    });
    let disposition = format!("attachment; filename=\"{name}\"");
    Ok(([(CONTENT_TYPE, kind.to_owned()), (CONTENT_DISPOSITION, disposition)], Body::from_stream(pages)))
}

/// A list that is being given.
struct List {
    pool: PgPool,
    format: Form,
    /// What stands before the first stop.
    head: String,
    /// Stops that were read and not given.
    next: Option<Vec<ListedOptOut>>,
}

impl List {
    /// The next piece of it; `None` after the last.
    async fn page(&mut self) -> sqlx::Result<Option<Bytes>> {
        let Some(page) = self.next.take() else { return Ok(None) };
        let mut text = std::mem::take(&mut self.head);
        for row in &page {
            self.format.append(&mut text, row);
        }
        if let Some(last) = page.last() {
            self.next = Some(opt_outs::list_all(&self.pool, Some(last), PAGE).await?);
        }
        Ok(Some(Bytes::from(text)))
    }
}

impl Form {
    fn append(self, out: &mut String, row: &ListedOptOut) {
        match self {
            Self::Csv => csv::append_row(out, row.cells().iter().map(String::as_str)),
            Self::Ndjson => {
                out.push_str(&serde_json::to_string(row).expect("texts and a time are always valid JSON"));
                out.push('\n');
            }
        }
    }
}

fn written(write: impl FnOnce(&mut String)) -> String {
    let mut text = String::new();
    write(&mut text);
    text
}
