//! What the guard says of sends, in the transaction that makes them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::types::Json;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::{Outlook, Seen, Subjects, hold};
use crate::guard::{self, Ask, Decision, Inputs, Key, Kind, Mode, Place, RULE_VERSION, Rule, State};
use crate::ids::{GuardDecisionId, MessageId, SessionId};
use crate::phone::PhoneNumber;
use crate::store::codes_spend::{self, CodesPurse};

/// A send that is asked about.
#[derive(Clone, Debug)]
pub struct Send {
    /// Of which session.
    pub session: SessionId,
    /// The message that would carry it.
    pub message: MessageId,
    /// Where to.
    pub phone: PhoneNumber,
    /// The block of addresses that asked, if it is known.
    pub client: Option<String>,
    /// The application had its user pass a challenge.
    pub is_challenged: bool,
    /// The session has been sent a code before.
    pub is_resend: bool,
    /// What it is billed as.
    pub segments: u64,
    /// An application checks its code, reports none that came back, and has sent as many as it may then.
    pub is_unmeasured: bool,
}

/// What the guard said of one.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// All of it.
    pub decision: Decision,
    /// The country it is still to be counted for, see [`super::count_sends`].
    pub uncounted: Option<String>,
}

/// A send with the subjects it is counted for.
struct Case<'a> {
    send: &'a Send,
    is_withheld: bool,
    place: Place,
    subjects: Subjects,
}

/// Says what should become of `sends`, in their order, counts those that are sent and writes every decision down. One that is
/// withheld anyhow (`true`) is judged as well, or its answer would come sooner, but counted for nobody. Within the caller's
/// transaction, which holds the rows of all their subjects until it ends.
pub async fn judge(
    db: &mut PgConnection,
    outlook: &Outlook,
    sends: &[(&Send, bool)],
) -> sqlx::Result<Vec<Verdict>> {
    let cases = Cases::of(outlook, sends);
    let (seen, verdicts) = cases.hold_and_judge(&mut *db).await?;
    record(db, &cases, &seen, &verdicts).await?;
    Ok(verdicts)
}

/// Sends that are asked about, in their order, with the subjects they are counted for.
pub(in crate::store) struct Cases<'a> {
    outlook: &'a Outlook,
    cases: Vec<Case<'a>>,
}

impl<'a> Cases<'a> {
    pub(in crate::store) fn of(outlook: &'a Outlook, sends: &[(&'a Send, bool)]) -> Self {
        let cases = sends.iter().map(|&(send, is_withheld)| Case::of(send, is_withheld)).collect();
        Self { outlook, cases }
    }

    /// What the guard does, for who writes it down.
    pub(in crate::store) fn mode(&self) -> &'static str {
        self.outlook.settings.mode.as_str()
    }

    /// The rows that are to be read.
    pub(in crate::store) fn keys(&self) -> BTreeSet<Key> {
        self.cases.iter().flat_map(|case| case.subjects.keys(self.rich(case).is_none())).collect()
    }

    /// Holds the rows, and judges by them and by what codes may still cost.
    pub(in crate::store) async fn hold_and_judge(
        &self,
        db: &mut PgConnection,
    ) -> sqlx::Result<(Seen, Vec<Verdict>)> {
        let phones: Vec<&str> = self.cases.iter().map(|case| case.send.phone.as_str()).collect();
        let (mut seen, known) = hold(&mut *db, &self.keys(), &phones, &self.outlook.settings).await?;
        let is_capped = self.outlook.is_capped;
        let mut purse = if is_capped { Some(codes_spend::open_purse(&mut *db).await?) } else { None };
        let verdicts = self.judge(&mut seen, &known, purse.as_mut())?;
        if let Some(purse) = purse {
            codes_spend::close_purse(&mut *db, &purse).await?;
        }
        Ok((seen, verdicts))
    }

    /// Says what should become of each, and counts those that are sent.
    ///
    /// # Errors
    /// When a row was not read.
    pub(in crate::store) fn judge(
        &self,
        seen: &mut Seen,
        known: &BTreeSet<String>,
        mut purse: Option<&mut CodesPurse>,
    ) -> sqlx::Result<Vec<Verdict>> {
        let (outlook, now) = (self.outlook, seen.now);
        let mut verdicts = Vec::with_capacity(self.cases.len());
        for case in &self.cases {
            let region = case.send.phone.region();
            let price = region.and_then(|region| outlook.prices.get(&region)).copied();
            let fits = purse.as_mut().is_none_or(|purse| purse.fits(region, price, case.send.segments));
            let ask = Ask {
                place: &case.place,
                is_known: known.contains(case.send.phone.as_str()),
                is_challenged: case.send.is_challenged,
                is_resend: case.send.is_resend,
                is_over_cap: !fits,
                is_unmeasured: case.send.is_unmeasured,
                now,
            };
            let rich = self.rich(case);
            let mut stand_in = State::new(Kind::Country, &outlook.settings, now.timestamp());
            stand_in.credits = rich.unwrap_or(stand_in.credits);
            let mut unheld = case.is_withheld.then(|| seen.copy(&case.subjects));
            let states = unheld.as_mut().unwrap_or(&mut *seen);
            let watched = states.watched(&case.subjects, &mut stand_in).ok_or(sqlx::Error::RowNotFound)?;
            let decision = guard::judge(&outlook.settings, &outlook.rates, watched, &ask);
            if let Some(purse) = purse.as_mut().filter(|_| decision.is_sent() && !case.is_withheld) {
                purse.spend(region, price, case.send.segments);
            }
            let is_counted = decision.is_sent() && !ask.is_known && !case.is_withheld;
            let uncounted = rich.filter(|_| is_counted).map(|_| case.place.country.clone());
            verdicts.push(Verdict { decision, uncounted });
        }
        Ok(verdicts)
    }

    /// The credits of its country, where there are so many that it is counted later.
    fn rich(&self, case: &Case<'_>) -> Option<f64> {
        self.outlook.rich.get(&case.place.country).copied()
    }
}

/// What the guard said when `sessions` were started, by an earlier try whose answer was lost.
pub async fn list_verdicts(
    db: impl PgExecutor<'_>,
    outlook: &Outlook,
    sessions: &[SessionId],
) -> sqlx::Result<HashMap<SessionId, Verdict>> {
    let rows = sqlx::query!(
        r#"select distinct on (session_id) session_id as "session!: SessionId", to_jsonb(rule) as "rule!: Json<Rule>",
                  to_jsonb(mode) as "mode!: Json<Mode>", country, is_sent, inputs as "inputs!: Json<Inputs>"
           from smsgw.guard_decisions where session_id = any($1) order by session_id, id"#,
        sessions as &[SessionId],
    )
    .fetch_all(db)
    .await?;
    let verdicts = rows.into_iter().map(|row| {
        let rule = row.rule.0;
        let is_counted_later =
            row.is_sent && rule != Rule::KnownNumber && outlook.rich.contains_key(&row.country);
        let decision = Decision { rule, is_enforced: rule.is_enforced_in(row.mode.0), inputs: row.inputs.0 };
        (row.session, Verdict { decision, uncounted: is_counted_later.then_some(row.country) })
    });
    Ok(verdicts.collect())
}

impl<'a> Case<'a> {
    fn of(send: &'a Send, is_withheld: bool) -> Self {
        let place = Place::of(&send.phone);
        let subjects = Subjects {
            prefix: place.prefix.clone(),
            client: send.client.clone(),
            country: place.country.clone(),
        };
        Self { send, is_withheld, place, subjects }
    }
}

/// What is now remembered of subjects, and what was decided, as columns for `unnest`.
pub(in crate::store) struct Columns<'a> {
    pub(in crate::store) keys: Vec<&'a Key>,
    pub(in crate::store) kinds: Vec<&'static str>,
    pub(in crate::store) subjects: Vec<&'a str>,
    pub(in crate::store) states: Vec<Json<&'a State>>,
    pub(in crate::store) ids: Vec<Uuid>,
    pub(in crate::store) phones: Vec<String>,
    pub(in crate::store) prefixes: Vec<&'a str>,
    pub(in crate::store) countries: Vec<&'a str>,
    pub(in crate::store) clients: Vec<Option<&'a str>>,
    pub(in crate::store) outcomes: Vec<&'static str>,
    pub(in crate::store) rules: Vec<&'static str>,
    pub(in crate::store) are_sent: Vec<bool>,
    pub(in crate::store) inputs: Vec<Json<&'a Inputs>>,
}

impl<'a> Columns<'a> {
    /// The subjects in the order in which everybody takes their rows.
    pub(in crate::store) fn of(cases: &'a Cases<'_>, seen: &'a Seen, verdicts: &'a [Verdict]) -> Self {
        let states: BTreeMap<&Key, &State> = seen.states.iter().collect();
        let cases = || cases.cases.iter();
        let decisions = || verdicts.iter().map(|verdict| &verdict.decision);
        Self {
            kinds: states.keys().map(|key| key.kind.as_str()).collect(),
            subjects: states.keys().map(|key| key.name.as_str()).collect(),
            keys: states.keys().copied().collect(),
            states: states.into_values().map(Json).collect(),
            ids: cases().map(|_| GuardDecisionId::new(seen.now).0).collect(),
            phones: cases().map(|case| case.send.phone.masked()).collect(),
            prefixes: cases().map(|case| case.place.prefix.as_str()).collect(),
            countries: cases().map(|case| case.place.country.as_str()).collect(),
            clients: cases().map(|case| case.send.client.as_deref()).collect(),
            outcomes: decisions().map(|decision| decision.outcome().as_str()).collect(),
            rules: decisions().map(|decision| decision.rule.as_str()).collect(),
            are_sent: cases()
                .zip(decisions())
                .map(|(case, said)| said.is_sent() && !case.is_withheld)
                .collect(),
            inputs: decisions().map(|decision| Json(&decision.inputs)).collect(),
        }
    }
}

/// Writes what is now remembered of the subjects, which are held, and the decisions, in one statement.
async fn record(
    db: &mut PgConnection,
    cases: &Cases<'_>,
    seen: &Seen,
    verdicts: &[Verdict],
) -> sqlx::Result<()> {
    let c = Columns::of(cases, seen, verdicts);
    sqlx::query!(
        "with written as (
             update smsgw.guard_subjects g set state = i.state, touched = current_date
             from unnest($1::text[], $2::text[], $3::jsonb[]) as i (kind, subject, state)
             where g.kind = i.kind and g.subject = i.subject
         )
         insert into smsgw.guard_decisions (id, at, session_id, message_id, phone, prefix, country, client, outcome, rule,
                                            rule_version, mode, is_sent, inputs)
         select d.id, $13, d.session_id, d.message_id, d.phone, d.prefix, d.country, d.client, d.outcome, d.rule, $14, $15, d.is_sent,
                d.inputs
         from unnest($4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[],
                     $12::boolean[], $16::jsonb[], $17::uuid[])
             as d (id, session_id, phone, prefix, country, client, outcome, rule, is_sent, inputs, message_id)",
        &c.kinds as &[&str],
        &c.subjects as &[&str],
        &c.states as &[Json<&State>],
        &c.ids,
        &cases.cases.iter().map(|case| case.send.session.0).collect::<Vec<_>>(),
        &c.phones,
        &c.prefixes as &[&str],
        &c.countries as &[&str],
        &c.clients as &[Option<&str>],
        &c.outcomes as &[&str],
        &c.rules as &[&str],
        &c.are_sent,
        seen.now,
        RULE_VERSION,
        cases.mode(),
        &c.inputs as &[Json<&Inputs>],
        &cases.cases.iter().map(|case| case.send.message.0).collect::<Vec<_>>(),
    )
    .execute(db)
    .await?;
    Ok(())
}
