//! Texts with codes that applications check themselves: judged by the pumping guard before they are stored.

use shared::ids::MessageId;
use shared::lane::Lane;
use shared::limits::Standing;
use shared::message::{NewMessage, Status};
use shared::store::guard;
use shared::store::{intake, messages};

use crate::app::App;
use crate::idempotency::{Answer, Once};
use crate::key_limits;
use crate::problem::Problem;
use crate::trace::Trace;

/// Why a message that the guard withheld is suppressed.
const REASON: &str = "guard";

/// Stores a text, once for each `Idempotency-Key`: to be sent, or suppressed if the guard does not let it pass. Its answer
/// is made by `answer`.
///
/// # Errors
/// What is wrong with the key, a limit that forbids it, or a database that is away.
pub(crate) async fn store(
    app: &App,
    once: &Once<'_>,
    message: NewMessage,
    trace: &Trace,
    answer: impl Fn(MessageId, Status) -> serde_json::Result<Answer>,
) -> Result<(Answer, Vec<Standing>), Problem> {
    let outlook = app.guard.outlook(&app.pool).await?;
    let (limits, mut standings) = (key_limits::limits(app).await?, Vec::new());
    let mut verdict = None;
    let answer = Box::pin(once.run(&app.pool, async |db| {
        standings = key_limits::count_within(db, &limits, once.caller.key, 1).await?;
        trace.message(message.id);
        let said = guard::judge_text(db, &outlook, &message, once.caller.key).await?;
        intake::insert(&mut *db, &[&message]).await?;
        let status = match verdict.insert(said).decision.is_sent() {
            true => Status::Queued,
            false => {
                messages::suppress(db, message.id, REASON).await?;
                Status::Suppressed
            }
        };
        Ok::<_, Problem>(answer(message.id, status)?)
    }))
    .await?;
    verdict.iter().for_each(|verdict| app.guard.note(verdict));
    app.committed(Lane::Transactional, 1, &answer, trace);
    Ok((answer, standings))
}
