//! Starting a challenge, once for each `Idempotency-Key`.

use shared::db;
use shared::ids::MessageId;
use shared::lane::Lane;
use shared::limits::Standing;
use shared::store::guard::Verdict;
use shared::store::intake::{self, Counted};

use super::Sent;
use super::guard::asks_for_challenge;
use super::start::{self, Requester, StartRequest, may_take, taker, told};
use crate::app::App;
use crate::idempotency::{Answer, Once};
use crate::problem::Problem;
use crate::trace::Trace;

/// A challenge that was started.
#[derive(Debug)]
pub(crate) struct Begun {
    /// What its caller learns.
    pub(crate) sent: Sent,
    /// The message with its code, also if that is withheld.
    pub(crate) message: MessageId,
    /// Nothing is sent, and nobody shall notice.
    pub(crate) is_withheld: bool,
    /// Where its subjects stand, as far as the caller may know.
    pub(crate) standings: Vec<Standing>,
    /// What the pumping guard said.
    verdict: Option<Verdict>,
}

/// Starts a challenge and makes its answer; or gives the answer that was given before, with nothing begun.
///
/// # Errors
/// What is wrong with the request or its key, a limit that forbids it, or a database that is away.
pub(crate) async fn begin(
    app: &App,
    requester: &Requester<'_>,
    once: &Once<'_>,
    trace: &Trace,
    request: StartRequest,
    answer: impl FnOnce(&Begun) -> serde_json::Result<Answer>,
) -> Result<(Answer, Option<Begun>), Problem> {
    let (start, sent) = start::prepare(app, requester, trace, request).await?;
    let message = start.message.id;
    let begun = |Counted { standings, is_withheld, verdict }| {
        let asks = asks_for_challenge(requester.who, verdict.as_ref());
        let challenge_required = sent.challenge_required || asks;
        let sent = Sent { challenge_required, ..sent };
        Begun { sent, message, is_withheld, standings, verdict }
    };
    if once.key.is_absent() {
        if taker(&start.session).is_some() {
            may_take(&mut *db::acquire(&app.pool).await?, requester.who, &start.session).await?;
        }
        trace.message(message);
        let begun = begun(told(app.intake.start_session(start).await?, requester.who)?);
        begun.verdict.iter().for_each(|verdict| app.guard.note(verdict));
        app.accepted(Lane::Otp, 1, trace);
        return Ok((answer(&begun)?, Some(begun)));
    }
    let mut first = None;
    // Boxed: requests without a key, most of them, need not carry the room for this.
    let answer = Box::pin(once.run(&app.pool, async |db| {
        may_take(&mut *db, requester.who, &start.session).await?;
        trace.message(message);
        let mut counted = Counted::default();
        for started in intake::start_sessions(db, &[&start]).await? {
            counted = told(started, requester.who)?;
        }
        Ok::<_, Problem>(answer(first.insert(begun(counted)))?)
    }))
    .await?;
    first.iter().filter_map(|begun| begun.verdict.as_ref()).for_each(|verdict| app.guard.note(verdict));
    app.committed(Lane::Otp, 1, &answer, trace);
    Ok((answer, first))
}
