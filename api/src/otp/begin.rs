//! Starting a challenge and staying for what becomes of its message.

use std::time::Duration;

use shared::ids::{MessageId, SessionId};
use shared::lane::Lane;
use shared::limits::Standing;
use shared::store::log::Outcome;

use super::start::{self, Requester, StartRequest, told};
use crate::app::App;
use crate::problem::Problem;
use crate::trace::Trace;

/// A challenge that was started.
pub(crate) struct Begun {
    /// It.
    pub(crate) session: SessionId,
    /// The message with its code, also if that is withheld.
    pub(crate) message: MessageId,
    /// Where its subjects stand, as far as the caller may know.
    pub(crate) standings: Vec<Standing>,
    /// How the message ended, if it did in time.
    pub(crate) outcome: Option<Outcome>,
}

/// Starts a challenge and waits for its message, at most for `patience`.
///
/// # Errors
/// What is wrong with the request, a limit that forbids it, or a database that is away.
pub(crate) async fn begin(
    app: &App,
    requester: &Requester<'_>,
    trace: Trace,
    request: StartRequest,
    patience: Duration,
) -> Result<Begun, Problem> {
    let (start, _) = start::prepare(app, requester, &trace, request).await?;
    let (session, message) = (start.session.id, start.message.id);
    trace.message(message);
    let counted = told(app.intake.start_session(start).await?, requester.who)?;
    app.accepted(Lane::Otp, 1, &trace);
    drop(trace);
    let sent = Some(message).filter(|_| !counted.is_withheld);
    let outcome = app.outcomes.first_of_code(sent, patience).await;
    Ok(Begun { session, message, standings: counted.standings, outcome })
}
