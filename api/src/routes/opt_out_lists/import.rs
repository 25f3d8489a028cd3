//! What people said, read from a list while it arrives: a line of the answer for each row that is rejected and after
//! each chunk that is on disk.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use futures::stream;
use http_body_util::BodyExt as _;
use serde::{Deserialize, Serialize};
use shared::consent::{Evidence, OptOutScope, Stop};
use shared::consent_list::{Rejected, Usual};
use shared::phone::Region;
use shared::recipients::{Format, Options};
use shared::store::consents::{Import, ImportError, Progress};
use tokio::sync::mpsc;

use crate::accept::Refusal;
use crate::app::App;
use crate::auth::{Caller, MaySend};
use crate::extract::Query;
use crate::fields::Faults;
use crate::problem::Problem;

/// How long the list may stand still.
const PATIENCE: Duration = Duration::from_secs(30);
/// Lines of the answer that may wait for a caller who does not read.
const LINES: usize = 64;

/// How the list is to be read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::routes) struct Wanted {
    default_region: Option<String>,
    phone_column: Option<String>,
    scope: Option<OptOutScope>,
    sender: Option<String>,
    source: Option<String>,
}

/// One line of the answer.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line<'a> {
    Rejected(&'a Rejected),
    Progress(Progress),
    Done {
        lines: u64,
        #[serde(flatten)]
        progress: Progress,
    },
    Error {
        code: &'a str,
        title: &'a str,
        detail: &'a str,
    },
}

/// Records a list. After the line of a chunk no message that it stops is taken up.
pub(in crate::routes) async fn import(
    State(app): State<App>,
    _: Caller<MaySend>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
    body: Body,
) -> Result<impl IntoResponse, Problem> {
    let (options, usual) = wanted.check(&app, format(&headers)?)?;
    let import = Import::new(options, usual);
    let (lines, mut told) = mpsc::channel(LINES);
    tokio::spawn(carry_out(app, import, body, lines));
    let told =
        stream::poll_fn(move |cx| told.poll_recv(cx).map(|line| line.map(Ok::<_, std::convert::Infallible>)));
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(told)))
}

impl Wanted {
    fn check(self, app: &App, format: Format) -> Result<(Options, Usual), Problem> {
        let mut faults = Faults::default();
        let region = self.default_region.map(|text| text.parse::<Region>()).transpose();
        let region = faults.take("default_region", region);
        let scope = self.scope.unwrap_or_default();
        let stop = faults.take("sender", Stop::parse(scope, self.sender.as_deref()));
        let source = self.source.unwrap_or_else(|| "import".to_owned());
        let source = faults.take("source", Evidence::source(source));
        let (Some(region), Some(stop), Some(source)) = (region, stop, source) else {
            return Err(Refusal::from(faults).into());
        };
        let options = Options {
            format,
            default_region: region.or(app.reach.default_region),
            phone_column: self.phone_column,
            variables: None,
        };
        Ok((options, Usual { stop, source }))
    }
}

fn format(headers: &HeaderMap) -> Result<Format, Problem> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "text/csv" => Ok(Format::Csv),
        "application/x-ndjson" | "application/ndjson" => Ok(Format::Ndjson),
        _ => Err(Problem::not_a_list("text/csv or application/x-ndjson")),
    }
}

/// The caller has gone; nobody reads what became of the rest.
struct Gone;

/// Why the answer ends before its last line.
enum Broken {
    Gone,
    Problem(Problem),
}

impl From<Gone> for Broken {
    fn from(Gone: Gone) -> Self {
        Self::Gone
    }
}

impl<E: Into<ImportError>> From<E> for Broken {
    fn from(error: E) -> Self {
        Self::Problem(match error.into() {
            ImportError::List(error) => Problem::field("body", error.to_string()),
            ImportError::Store(error) => error.into(),
        })
    }
}

async fn carry_out(app: App, import: Import, body: Body, lines: mpsc::Sender<Bytes>) {
    let Err(Broken::Problem(problem)) = read(&app, import, body, &lines).await else { return };
    if let Some(cause) = problem.cause() {
        tracing::warn!(cause, "an import of opt-outs ended early");
    }
    let (code, title, detail) = (problem.code(), problem.title(), problem.detail());
    // Whether it is read is the caller's affair.
    let _ = tell(&lines, &Line::Error { code, title, detail }).await;
}

async fn read(
    app: &App,
    mut import: Import,
    mut body: Body,
    lines: &mpsc::Sender<Bytes>,
) -> Result<(), Broken> {
    let mut rejected = Vec::new();
    while let Some(piece) = next(&mut body).await.map_err(Broken::Problem)? {
        import.feed(&piece, app.clock.now(), &mut rejected)?;
        tell_all(lines, &mut rejected).await?;
        while let Some(progress) = import.commit_chunk(&mut *app.pool.acquire().await?).await? {
            tell(lines, &Line::Progress(progress)).await?;
        }
    }
    let mut db = app.pool.acquire().await?;
    let (count, progress) = import.finish(&mut db, app.clock.now(), &mut rejected).await?;
    tell_all(lines, &mut rejected).await?;
    tell(lines, &Line::Done { lines: count, progress }).await?;
    Ok(())
}

/// The next piece of the list; `None` after the last.
async fn next(body: &mut Body) -> Result<Option<Bytes>, Problem> {
    loop {
        let frame = tokio::time::timeout(PATIENCE, body.frame()).await;
        let frame = frame.map_err(|_| Problem::request_timeout(PATIENCE))?;
        let Some(frame) = frame.transpose().map_err(|_| Problem::incomplete_body())? else { return Ok(None) };
        if let Ok(piece) = frame.into_data() {
            return Ok(Some(piece));
        }
    }
}

async fn tell_all(lines: &mpsc::Sender<Bytes>, rejected: &mut Vec<Rejected>) -> Result<(), Gone> {
    for row in rejected.drain(..) {
        tell(lines, &Line::Rejected(&row)).await?;
    }
    Ok(())
}

async fn tell(lines: &mpsc::Sender<Bytes>, line: &Line<'_>) -> Result<(), Gone> {
    let mut text = serde_json::to_vec(line).expect("texts and numbers are always valid JSON");
    text.push(b'\n');
    lines.send(text.into()).await.map_err(|_| Gone)
}
