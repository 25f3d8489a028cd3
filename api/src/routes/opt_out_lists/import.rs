//! What people said, read from a list while it arrives: a line of the answer for each row that is rejected and after
//! each chunk that is on disk.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use shared::consent::{Evidence, OptOutScope, Stop};
use shared::consent_list::{Rejected, Usual};
use shared::phone::Region;
use shared::recipients::{Format, Options};
use shared::store::consents::{Import, ImportError, Progress};

use crate::accept::Refusal;
use crate::app::App;
use crate::auth::{Caller, MaySend};
use crate::extract::{Query, media_type};
use crate::fields::Faults;
use crate::problem::Problem;
use crate::streamed::{self, Gone, Lines};

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
) -> Result<Response, Problem> {
    let (options, usual) = wanted.check(&app, format(&headers)?)?;
    let import = Import::new(options, usual).recognising_erased(app.keyring.clone());
    let (lines, answer) = Lines::answer();
    tokio::spawn(carry_out(app, import, body, lines));
    Ok(answer)
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
    match media_type(headers).as_str() {
        "text/csv" => Ok(Format::Csv),
        "application/x-ndjson" | "application/ndjson" => Ok(Format::Ndjson),
        _ => Err(Problem::not_of_media("text/csv or application/x-ndjson")),
    }
}

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

async fn carry_out(app: App, import: Import, body: Body, lines: Lines) {
    let Err(Broken::Problem(problem)) = read(&app, import, body, &lines).await else { return };
    if let Some(cause) = problem.cause() {
        tracing::warn!(cause, "an import of opt-outs ended early");
    }
    let (code, title, detail) = (problem.code(), problem.title(), problem.detail());
    // Whether it is read is the caller's affair.
    let _ = lines.tell(&Line::Error { code, title, detail }).await;
}

async fn read(app: &App, mut import: Import, mut body: Body, lines: &Lines) -> Result<(), Broken> {
    let mut rejected = Vec::new();
    while let Some(piece) = streamed::next(&mut body).await.map_err(Broken::Problem)? {
        import.feed(&piece, app.clock.now(), &mut rejected)?;
        tell_all(lines, &mut rejected).await?;
        while let Some(progress) = import.commit_chunk(&mut *app.pool.acquire().await?).await? {
            lines.tell(&Line::Progress(progress)).await?;
        }
    }
    let mut db = app.pool.acquire().await?;
    let (count, progress) = import.finish(&mut db, app.clock.now(), &mut rejected).await?;
    tell_all(lines, &mut rejected).await?;
    lines.tell(&Line::Done { lines: count, progress }).await?;
    Ok(())
}

async fn tell_all(lines: &Lines, rejected: &mut Vec<Rejected>) -> Result<(), Gone> {
    for row in rejected.drain(..) {
        lines.tell(&Line::Rejected(&row)).await?;
    }
    Ok(())
}
