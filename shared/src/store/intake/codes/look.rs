//! A look at whom a code is counted for, which holds nothing.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::NewOtp;
use crate::guard::Key;
use crate::limits::Subject;
use crate::store::guard::{self, Cases, Stored};
use crate::store::otp_windows;

/// What one start is decided by.
pub(super) struct Look {
    pub(super) windows: otp_windows::Seen,
    pub(super) guard: guard::Seen,
    /// Its phone, if that has verified a code before.
    pub(super) known: BTreeSet<String>,
    pub(super) versions: Versions,
}

/// Which versions of rows were seen.
#[derive(Default)]
pub(super) struct Versions {
    windows: BTreeMap<Subject, String>,
    guard: BTreeMap<Key, String>,
}

impl Versions {
    /// Those of the rows that are written, in their order; `None` of one that was not there.
    pub(super) fn of<'a>(
        &'a self,
        windows: &otp_windows::Columns<'_>,
        guard: &guard::Columns<'_>,
    ) -> [Vec<Option<&'a str>>; 2] {
        let windows = windows.keys.iter().map(|subject| self.windows.get(*subject).map(String::as_str));
        let guard = guard.keys.iter().map(|key| self.guard.get(*key).map(String::as_str));
        [windows.collect(), guard.collect()]
    }
}

/// Looks at all that limits and the guard ask about `start`.
pub(super) async fn look(db: &mut PgConnection, start: &NewOtp) -> sqlx::Result<Look> {
    let exact: Vec<&Subject> = start.subjects.iter().filter(|subject| subject.kind.is_exact()).collect();
    let keys = Cases::of(&start.outlook, &[(&start.guard, false)]).keys();
    let rows = sqlx::query!(
        r#"select true as "is_window!", i.kind as "kind!", i.subject as "subject!", w.xmin::text as "version?",
                  w.times as "times?", null::jsonb as "state?: Json<Stored>", clock_timestamp() as "now!",
                  exists (
                      select from smsgw.otp_phone_failures f
                      where f.phone = $5 and f.locked_until > clock_timestamp()
                  ) as "is_locked!",
                  false as "is_known!"
           from unnest($1::text[], $2::text[]) as i (kind, subject)
           left join smsgw.otp_windows w on w.kind = i.kind and w.subject = i.subject
           union all
           select false, i.kind, i.subject, g.xmin::text, null, g.state, clock_timestamp(), false,
                  exists (select from public.sms_otp_sessions s where s.phone = $5 and s.status = 'verified')
           from unnest($3::text[], $4::text[]) as i (kind, subject)
           left join smsgw.guard_subjects g on g.kind = i.kind and g.subject = i.subject"#,
        &exact.iter().map(|subject| subject.kind.as_str()).collect::<Vec<_>>() as &[&str],
        &exact.iter().map(|subject| subject.name.as_str()).collect::<Vec<_>>() as &[&str],
        &keys.iter().map(|key| key.kind.as_str()).collect::<Vec<_>>() as &[&str],
        &keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>() as &[&str],
        start.session.phone,
    )
    .fetch_all(db)
    .await?;
    let now = rows.iter().map(|row| row.now).max().unwrap_or(DateTime::UNIX_EPOCH);
    let (mut windows, mut guard) = (otp_windows::Seen::at(now), guard::Seen::at(now));
    let (mut known, mut versions) = (BTreeSet::new(), Versions::default());
    for row in rows {
        if row.is_locked && windows.locked_phones.is_empty() {
            windows.locked_phones.push(start.session.phone.clone());
        }
        if row.is_known {
            known.insert(start.session.phone.clone());
        }
        if let (true, Ok(kind)) = (row.is_window, row.kind.parse()) {
            let subject = Subject { kind, name: row.subject };
            versions.windows.extend(row.version.map(|version| (subject.clone(), version)));
            windows.ledger.times.extend(row.times.map(|times| (subject, times)));
        } else if let (false, Ok(kind)) = (row.is_window, row.kind.parse()) {
            let key = Key { kind, name: row.subject };
            versions.guard.extend(row.version.map(|version| (key.clone(), version)));
            let state = Stored::or_new(row.state, kind, &start.outlook.settings, now);
            guard.states.insert(key, state);
        }
    }
    Ok(Look { windows, guard, known, versions })
}
