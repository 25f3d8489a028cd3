//! `guard_subjects`, `guard_settings`: what the pumping guard remembers and is told.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};
use sqlx::types::Json;
use sqlx::{PgConnection, PgExecutor};

use crate::cost::Price;
use crate::guard::{Key, Kind, Mode, Rates, Settings, State, Watched};
use crate::phone::Region;
use crate::store::codes_spend;

mod conversions;
mod decisions;
mod explain;
mod release;
mod texts;
mod unsent;
mod verdicts;

pub use conversions::{Conversion, convert, count_sends};
pub use decisions::{Decided, Wanted, list_decisions};
pub use explain::{Explanation, explain};
pub use release::{count_releasable, release};
pub use texts::{judge_text, report};
pub use unsent::{Unsent, take_back};
pub(super) use verdicts::{Cases, Columns};
pub use verdicts::{Send, Verdict, judge, list_verdicts};

/// What the guard goes by for a few seconds: settings, the week's shares, and which countries have plenty of credits.
#[derive(Clone, Debug, Default)]
pub struct Outlook {
    /// How much passes.
    pub settings: Settings,
    /// Shares of codes that come back.
    pub rates: Rates,
    /// Countries with so many credits that none of their sends can be the last, and how many.
    pub rich: HashMap<String, f64>,
    /// Whether an operator has set a cap for what codes cost.
    pub is_capped: bool,
    /// For a segment to each country, by the provider that codes are tried with first; only where there is a cap.
    pub prices: BTreeMap<Region, Price>,
}

/// With so many credits a country is counted a moment later, without a lock.
const RICH: f64 = 1000.0;

/// Loads what the guard goes by; prices are for the caller to add, who knows the providers.
pub async fn outlook(db: impl PgExecutor<'_> + Copy) -> sqlx::Result<Outlook> {
    let settings = find_settings(db).await?;
    let rows = sqlx::query!(
        r#"select subject, state as "state!: Json<Stored>", clock_timestamp() as "now!" from smsgw.guard_subjects
           where kind = 'country' and state is not null"#
    )
    .fetch_all(db)
    .await?;
    let countries: Vec<(String, State, DateTime<Utc>)> =
        rows.into_iter().filter_map(|row| Some((row.subject, row.state.0.0?, row.now))).collect();
    let rates = Rates::of(countries.iter().map(|(name, state, now)| (name.clone(), state.week(*now))));
    let rich = countries.into_iter().map(|(name, state, _)| (name, state.credits));
    Ok(Outlook {
        settings,
        rates,
        rich: rich.filter(|(_, credits)| *credits >= RICH).collect(),
        is_capped: codes_spend::is_capped(db).await?,
        prices: BTreeMap::new(),
    })
}

/// What an operator has set. Without its row the guard goes by what is usual, and observes: no code waits for it.
pub async fn find_settings(db: impl PgExecutor<'_>) -> sqlx::Result<Settings> {
    let row = sqlx::query!(
        "select mode, neighbours, near, credits_prefix, credits_ip, credits_country, default_rate
         from smsgw.guard_settings"
    )
    .fetch_optional(db)
    .await?;
    let Some(row) = row else {
        tracing::error!("the pumping guard has no settings, so it only observes; PUT /settings/guard");
        return Ok(Settings::default());
    };
    Ok(Settings {
        // The column knows no other words.
        mode: row.mode.parse().unwrap_or_default(),
        neighbours: row.neighbours.unsigned_abs(),
        near: row.near.unsigned_abs(),
        credits_prefix: row.credits_prefix.unsigned_abs(),
        credits_ip: row.credits_ip.unsigned_abs(),
        credits_country: row.credits_country.unsigned_abs(),
        default_rate: row.default_rate,
    })
}

/// Sets all of it.
pub async fn replace_settings(db: impl PgExecutor<'_>, settings: &Settings) -> sqlx::Result<()> {
    let small = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    sqlx::query!(
        "insert into smsgw.guard_settings (mode, neighbours, near, credits_prefix, credits_ip, credits_country, default_rate)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (singleton) do update
         set mode = excluded.mode, neighbours = excluded.neighbours, near = excluded.near,
             credits_prefix = excluded.credits_prefix, credits_ip = excluded.credits_ip,
             credits_country = excluded.credits_country, default_rate = excluded.default_rate,
             updated_at = clock_timestamp()",
        settings.mode.as_str(),
        small(settings.neighbours),
        small(settings.near),
        small(settings.credits_prefix),
        small(settings.credits_ip),
        small(settings.credits_country),
        settings.default_rate,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Sets whether the guard withholds.
pub async fn set_mode(db: impl PgExecutor<'_>, mode: Mode) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into smsgw.guard_settings (mode) values ($1)
         on conflict (singleton) do update set mode = excluded.mode, updated_at = clock_timestamp()",
        mode.as_str(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What was read of subjects.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) states: HashMap<Key, State>,
    /// The database's time.
    pub(super) now: DateTime<Utc>,
}

impl Seen {
    /// Nothing, at this time.
    pub(super) fn at(now: DateTime<Utc>) -> Self {
        Self { states: HashMap::new(), now }
    }

    /// The subjects of one send. A country that is not held is stood for by `rich`.
    fn watched<'a>(&'a mut self, subjects: &Subjects, rich: &'a mut State) -> Option<Watched<'a>> {
        let key = |kind, name: &str| Key { kind, name: name.to_owned() };
        let [prefix, ip, country] = self.states.get_disjoint_mut([
            &key(Kind::Prefix, &subjects.prefix),
            &key(Kind::Ip, subjects.client.as_deref().unwrap_or_default()),
            &key(Kind::Country, &subjects.country),
        ]);
        Some(Watched { prefix: prefix?, ip, country: country.unwrap_or(rich) })
    }

    /// The subjects of one send alone, for a look that changes nothing.
    fn copy(&self, subjects: &Subjects) -> Self {
        let of = |key: Key| self.states.get(&key).cloned().map(|state| (key, state));
        Self { states: subjects.keys(true).filter_map(of).collect(), now: self.now }
    }
}

/// A state as its row has it; what this version cannot read is as good as nothing.
#[derive(Debug)]
pub(super) struct Stored(Option<State>);

impl Stored {
    pub(super) fn or_new(
        found: Option<Json<Self>>,
        kind: Kind,
        settings: &Settings,
        now: DateTime<Utc>,
    ) -> State {
        found.and_then(|stored| stored.0.0).unwrap_or_else(|| State::new(kind, settings, now.timestamp()))
    }
}

impl<'de> Deserialize<'de> for Stored {
    fn deserialize<D: Deserializer<'de>>(state: D) -> Result<Self, D::Error> {
        let state = serde_json::Value::deserialize(state)?;
        let read = State::deserialize(&state);
        if let Err(error) = &read {
            tracing::error!(%error, "what the guard remembers of a subject cannot be read");
        }
        Ok(Self(read.ok()))
    }
}

/// The names of a send's subjects.
#[derive(Clone, Debug)]
struct Subjects {
    prefix: String,
    client: Option<String>,
    country: String,
}

impl Subjects {
    /// Their rows; that of the country only where it is `counted` at once.
    fn keys(&self, counted: bool) -> impl Iterator<Item = Key> + use<> {
        let of = |kind, name: &String| Key { kind, name: name.clone() };
        [
            Some(of(Kind::Prefix, &self.prefix)),
            self.client.as_ref().map(|client| of(Kind::Ip, client)),
            counted.then(|| of(Kind::Country, &self.country)),
        ]
        .into_iter()
        .flatten()
    }
}

/// Reads the rows of `keys` and holds them until the transaction ends, and says which of `phones` have verified a code.
async fn hold(
    db: &mut PgConnection,
    keys: &BTreeSet<Key>,
    phones: &[&str],
    settings: &Settings,
) -> sqlx::Result<(Seen, BTreeSet<String>)> {
    // Everybody takes the rows in this order, or two could wait for each other.
    let rows = sqlx::query!(
        r#"with held as (
               insert into smsgw.guard_subjects as g (kind, subject)
               select * from unnest($1::text[], $2::text[]) as i (kind, subject)
               on conflict (kind, subject) do update set touched = g.touched
               returning kind, subject, state
           )
           select kind as "kind!", subject as "subject!", state as "state?: Json<Stored>", clock_timestamp() as "now!"
           from held
           union all
           select 'known', p.phone, null, clock_timestamp() from unnest($3::text[]) as p (phone)
           where exists (select from public.sms_otp_sessions s where s.phone = p.phone and s.status = 'verified')"#,
        &keys.iter().map(|key| key.kind.as_str()).collect::<Vec<_>>() as &[&str],
        &keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>() as &[&str],
        phones as &[&str],
    )
    .fetch_all(db)
    .await?;
    let (mut held, mut known) = (Seen::default(), BTreeSet::new());
    for row in rows {
        held.now = held.now.max(row.now);
        match row.kind.parse::<Kind>() {
            Ok(kind) => {
                let state = Stored::or_new(row.state, kind, settings, held.now);
                held.states.insert(Key { kind, name: row.subject }, state);
            }
            Err(()) => {
                known.insert(row.subject);
            }
        }
    }
    Ok((held, known))
}

/// Writes what is now remembered of held subjects.
async fn write(db: impl PgExecutor<'_>, held: &Seen) -> sqlx::Result<()> {
    sqlx::query!(
        "update smsgw.guard_subjects g set state = i.state, touched = current_date
         from unnest($1::text[], $2::text[], $3::jsonb[]) as i (kind, subject, state)
         where g.kind = i.kind and g.subject = i.subject",
        &held.states.keys().map(|key| key.kind.as_str()).collect::<Vec<_>>() as &[&str],
        &held.states.keys().map(|key| key.name.as_str()).collect::<Vec<_>>() as &[&str],
        &held.states.values().map(Json).collect::<Vec<_>>() as &[Json<&State>],
    )
    .execute(db)
    .await?;
    Ok(())
}
