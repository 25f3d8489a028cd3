//! `smsgw.operator_tries`: how often somebody tried to sign in, so that nobody guesses passwords.

use std::time::Duration;

use ipnet::IpNet;
use sqlx::{PgConnection, PgExecutor};

use crate::operator::OperatorName;

/// For how long tries are counted, from the first.
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// Tries for one name from one address.
const MOST_TOGETHER: i32 = 10;
/// Tries from one address, for whatever names.
const MOST_FROM_ADDRESS: i32 = 30;
/// Tries for one name, from wherever. Many: who may not sign in should not be able to keep out who may.
const MOST_FOR_NAME: i32 = 300;

/// Who tries: a name, and the network that is counted as one caller.
#[derive(Clone, Copy, Debug)]
pub struct Trier<'a> {
    /// Whom they say they are.
    pub name: &'a OperatorName,
    /// Where they are.
    pub network: IpNet,
}

impl Trier<'_> {
    fn subjects(self) -> [(String, i32); 3] {
        let (name, network) = (self.name.as_str(), self.network);
        [
            (format!("{name} from {network}"), MOST_TOGETHER),
            (format!("from {network}"), MOST_FROM_ADDRESS),
            (format!("{name} from anywhere"), MOST_FOR_NAME),
        ]
    }
}

/// Counts a try, and says how long to wait if it is one too many: then nothing else may be looked at. Committed before
/// the password is, so that many at once are no more than many in turn.
pub async fn count(db: &mut PgConnection, trier: Trier<'_>) -> sqlx::Result<Option<Duration>> {
    let subjects = trier.subjects();
    let rows = sqlx::query!(
        r#"with old as (
               delete from smsgw.operator_tries
               where until < clock_timestamp() - interval '1 minute' and subject <> all($1)
           )
           insert into smsgw.operator_tries as t (subject, tries, until)
           select s, 1, clock_timestamp() + make_interval(secs => $2) from unnest($1::text[]) as s order by s
           on conflict (subject) do update
           set tries = case when t.until < clock_timestamp() then 1 else least(t.tries, 1000000) + 1 end,
               until = case when t.until < clock_timestamp() then excluded.until else t.until end
           returning subject, tries, extract(epoch from until - clock_timestamp())::double precision as "left!""#,
        &subjects.iter().map(|(subject, _)| subject.as_str()).collect::<Vec<_>>() as &[&str],
        WINDOW.as_secs_f64(),
    )
    .fetch_all(db)
    .await?;
    let most = |subject: &str| subjects.iter().find(|(one, _)| one == subject).map_or(0, |(_, most)| *most);
    let waits = rows.iter().filter(|row| row.tries > most(&row.subject));
    Ok(waits.map(|row| Duration::from_secs_f64(row.left.clamp(1.0, WINDOW.as_secs_f64()))).max())
}

/// Forgets the tries of somebody who has signed in. Those from their address stay counted: one account there must not
/// buy guesses at others.
pub async fn forget(db: impl PgExecutor<'_>, trier: Trier<'_>) -> sqlx::Result<()> {
    let [(together, _), _, _] = trier.subjects();
    sqlx::query!("delete from smsgw.operator_tries where subject = $1", together).execute(db).await?;
    Ok(())
}
