-- Messages that are accepted and not yet finished. A row is here exactly as long as work is left.
create table smsgw.sms_outbox (
    id              uuid        not null,
    seq             bigint      not null generated always as identity,
    lane            text        not null collate "C",
    due_at          timestamptz not null,
    expires_at      timestamptz not null,
    "to"            text        not null,
    body            text,
    sealed_body     bytea,
    segments        smallint    not null,
    sender          text,
    template        text,
    variables       jsonb,
    hint            text,
    preferred       text,
    at_most_once    boolean     not null default false,
    tried           text[]      not null default '{}',
    attempts        smallint    not null default 0,
    copies          smallint    not null default 0,
    takeovers       smallint    not null default 0,
    reason          text,
    worker_id       integer,
    user_id         text,
    api_key_id      integer,
    session_id      uuid,
    batch_id        uuid,
    campaign_id     uuid,
    trace           text,

    constraint sms_outbox_pkey primary key (id),
    constraint sms_outbox_lane_known check (lane in ('otp', 'transactional', 'promo')),
    constraint sms_outbox_to_is_e164 check ("to" ~ '^\+[1-9][0-9]{1,14}$'),
    -- A code exists in clear nowhere in the database: an otp body is sealed, and only that.
    constraint sms_outbox_otp_is_sealed check (
        (lane = 'otp' and sealed_body is not null and body is null and variables is null)
        or (lane <> 'otp' and body is not null and sealed_body is null)
    ),
    constraint sms_outbox_counts_not_negative check (attempts >= 0 and copies >= 0 and takeovers >= 0)
);

comment on table  smsgw.sms_outbox is 'Accepted and unfinished messages. A claimed row whose worker is dead is in doubt; any other is not.';
comment on column smsgw.sms_outbox.seq is 'Breaks ties of due_at, so that a claim can start behind the rows it has already seen.';
comment on column smsgw.sms_outbox.due_at is 'Not before this time; never earlier than the clock when the row was written.';
comment on column smsgw.sms_outbox.sealed_body is 'Text and code of an otp, XChaCha20-Poly1305, bound to this row.';
comment on column smsgw.sms_outbox.tried is 'Provider of every counted try, oldest first.';
comment on column smsgw.sms_outbox.attempts is 'Provider calls made so far, throttled ones included.';
comment on column smsgw.sms_outbox.copies is 'How many calls may have sent this message without our knowing.';
comment on column smsgw.sms_outbox.takeovers is 'How many workers died holding this row.';
comment on column smsgw.sms_outbox.reason is 'Why it waits.';
comment on column smsgw.sms_outbox.worker_id is 'Who may be sending it now; null while it is queued.';

-- The claim walks this index from its watermark. Claimed rows leave it.
create index sms_outbox_claim on smsgw.sms_outbox (lane, due_at, seq) where worker_id is null;
-- Takeover asks for the few rows of one dead worker, whatever the backlog.
create index sms_outbox_claimed on smsgw.sms_outbox (worker_id) where worker_id is not null;
-- A resend, a verified code and a lock withdraw the session's unsent message.
create index sms_outbox_session on smsgw.sms_outbox (session_id) where session_id is not null;

-- The table is a queue: every row dies young, so a fixed number of dead rows, not a share of the
-- table, decides when it is cleaned.
alter table smsgw.sms_outbox set (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000,
    autovacuum_vacuum_insert_threshold = -1, autovacuum_vacuum_cost_delay = 1
);

-- One row per worker process and boot. The id is also the worker's advisory lock.
create table smsgw.sms_workers (
    id          integer     not null generated always as identity,
    host        text        not null,
    pid         integer     not null,
    backend_pid integer     not null,
    started_at  timestamptz not null default clock_timestamp(),
    beat_at     timestamptz not null default clock_timestamp(),
    constraint sms_workers_pkey primary key (id)
);
comment on table smsgw.sms_workers is 'Living workers. Whoever finds one dead takes its rows over and deletes it, in one transaction.';
comment on column smsgw.sms_workers.backend_pid is 'The server process of its dedicated connection, ended when the worker is frozen.';

-- The kill switch: while a row stands here its lane or provider is not used.
create table smsgw.sms_pauses (
    scope      text        not null,
    name       text        not null,
    paused_at  timestamptz not null default clock_timestamp(),
    constraint sms_pauses_pkey primary key (scope, name),
    constraint sms_pauses_scope_known check (scope in ('all', 'lane', 'provider'))
);

grant select, insert, update, delete on smsgw.sms_outbox, smsgw.sms_workers, smsgw.sms_pauses to smsgw_app;
