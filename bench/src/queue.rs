//! A worker reduced to its two statements: claim, and write the results.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use shared::db::{Database, Use};
use shared::ids::{AttemptId, WorkerId};
use shared::lane::Lane;
use shared::message::{OutboxMessage, Status};
use shared::provider::Outcome;
use shared::seal::{Keyring, MasterKey};
use shared::store::acks::{self, Attempt, Finished, Write};
use shared::store::outbox::{self, Claimed, Watermark};
use shared::store::workers;
use sqlx::{Connection, PgConnection};

/// Where a claim begins to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Behind the last row that was claimed, as a worker does.
    AtWatermark,
    /// At the front of the lane: the mistake that the watermark is there to avoid.
    AtFront,
}

/// How long the statements of a drain took.
#[derive(Clone, Debug, Default)]
pub struct Times {
    messages: usize,
    claims: Vec<Duration>,
    finishes: Vec<Duration>,
}

impl Times {
    /// The time that a quarter of the claims did not exceed: what a claim costs when nothing else on
    /// the machine gets in its way.
    pub fn quiet_claim(&self) -> Duration {
        let mut claims = self.claims.clone();
        claims.sort_unstable();
        claims.get(claims.len() / 4).copied().unwrap_or_default()
    }

    /// Adds the statements of a later part.
    pub fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.claims.extend(other.claims);
        self.finishes.extend(other.finishes);
    }

    /// Messages claimed in a second of claiming.
    pub fn claimed_per_second(&self) -> f64 {
        self.messages as f64 / self.claims.iter().sum::<Duration>().as_secs_f64()
    }

    /// Messages claimed and finished in a second.
    pub fn drained_per_second(&self) -> f64 {
        let spent = self.claims.iter().chain(&self.finishes).sum::<Duration>();
        self.messages as f64 / spent.as_secs_f64()
    }
}

/// One worker's claims and acknowledgements on promo.
pub struct Drain {
    /// Keeps the worker registered.
    _presence: PgConnection,
    worker: WorkerId,
    claims: PgConnection,
    acks: PgConnection,
    keyring: Keyring,
    watermark: Watermark,
    begin: Begin,
}

impl Drain {
    /// Registers a worker in a migrated database.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn start(database: &Database, begin: Begin) -> sqlx::Result<Self> {
        let mut presence = database.connect(Use::Service("bench")).await?;
        let worker = workers::register(&mut presence, "bench", 1).await?;
        let claims = database.connect(Use::Queue("bench claim")).await?;
        let acks = database.connect(Use::Ack("bench ack")).await?;
        let keyring = Keyring::new(&MasterKey::generate(), &[]);
        Ok(Self { _presence: presence, worker, claims, acks, keyring, watermark: Watermark::START, begin })
    }

    /// Claims and finishes `messages` messages, `size` at a time.
    ///
    /// # Errors
    /// When the database refuses.
    ///
    /// # Panics
    /// When there are not so many.
    pub async fn run(&mut self, messages: usize, size: i64) -> sqlx::Result<Times> {
        let mut times = Times::default();
        while times.messages < messages {
            let began = Instant::now();
            let after = match self.begin {
                Begin::AtWatermark => self.watermark,
                Begin::AtFront => Watermark::START,
            };
            let people = self.keyring.people();
            let rows = outbox::claim(&mut self.claims, people, self.worker, Lane::Promo, after, size).await?;
            times.claims.push(began.elapsed());
            let last = &rows.last().expect("the backlog holds what is to be drained").message;
            self.watermark = Watermark { due_at: last.due_at, seq: last.seq };
            times.messages += rows.len();

            let ends: Vec<_> = rows.iter().map(sent).collect();
            let began = Instant::now();
            acks::finish(&mut self.acks, Write::First, self.worker, &ends).await?;
            times.finishes.push(began.elapsed());
        }
        Ok(times)
    }
}

fn sent(row: &Claimed) -> Finished {
    let OutboxMessage { id, .. } = row.message;
    let attempt = Attempt {
        id: AttemptId::new(row.now),
        message_id: id,
        provider: "twilio".to_owned(),
        outcome: Outcome::Accepted,
        reason: None,
        code: None,
        status_code: Some(201),
        provider_message_id: Some("SM00000000000000000000000000000000".to_owned()),
        possible_duplicate: false,
        started_at: row.now,
        response_time_ms: 40,
        stops: Vec::new(),
    };
    let attempts = vec![attempt];
    Finished {
        id,
        status: Status::Sent,
        reason: None,
        masked_text: None,
        copies: 0,
        attempts,
        is_refused: false,
    }
}

/// Puts that many promo messages into the outbox, all due at the same moment.
///
/// # Errors
/// When the database refuses.
pub async fn fill(db: &mut PgConnection, messages: i64) -> sqlx::Result<()> {
    let due: DateTime<Utc> = sqlx::query_scalar("select clock_timestamp()").fetch_one(&mut *db).await?;
    sqlx::query(
        "insert into smsgw.sms_outbox (id, lane, due_at, expires_at, \"to\", body, segments)
         -- Accepted one after the other, as ids are.
         select (left(smsgw.uuid_floor($1 + n * interval '50 microseconds')::text, 14) || '7'
                 || substr(md5(random()::text), 1, 3) || '-8'
                 || substr(md5(random()::text), 1, 3) || '-' || substr(md5(random()::text), 1, 12))::uuid,
                'promo', $1, $1 + interval '1 day', '+91' || (9000000000 + n), 'Only today: everything at half price.', 1
         from generate_series(1, $2) n",
    )
    .bind(due)
    .bind(messages)
    .execute(db)
    .await?;
    Ok(())
}

/// Opens a transaction that sees the database as it is now for as long as it is held, so that vacuum
/// can remove nothing that was there.
///
/// # Errors
/// When the database refuses.
pub async fn hold_snapshot(database: &Database) -> sqlx::Result<PgConnection> {
    let mut db = PgConnection::connect_with(database.options()).await?;
    sqlx::raw_sql("begin isolation level repeatable read; select count(*) from smsgw.sms_workers")
        .execute(&mut db)
        .await?;
    Ok(db)
}
