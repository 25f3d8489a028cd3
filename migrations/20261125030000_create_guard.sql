-- The pumping guard: which codes only serve whoever earns from the texts. It observes until an operator says enforce.
create table smsgw.guard_settings (
    singleton          boolean          not null default true,
    mode               text             not null default 'observe',
    neighbours         integer          not null default 6,
    near               integer          not null default 4,
    credits_prefix     integer          not null default 20,
    credits_ip         integer          not null default 10,
    credits_country    integer          not null default 200,
    default_rate       double precision not null default 0.6,
    updated_at         timestamptz      not null default clock_timestamp(),
    constraint guard_settings_pkey primary key (singleton),
    constraint guard_settings_one_row check (singleton),
    constraint guard_settings_mode_known check (mode in ('observe', 'enforce')),
    constraint guard_settings_neighbours_bounded check (neighbours between 2 and 1000),
    constraint guard_settings_near_bounded check (near between 2 and 20),
    constraint guard_settings_credits_bounded check (
        credits_prefix between 1 and 10000 and credits_ip between 1 and 10000 and credits_country between 1 and 10000),
    constraint guard_settings_rate_is_a_share check (default_rate between 0.3 and 1)
);
comment on column smsgw.guard_settings.mode is 'observe: every code is sent, and what would have been withheld is written down; enforce: it is withheld.';
comment on column smsgw.guard_settings.default_rate is 'Share of codes taken to be verified until a hundred were sent.';
insert into smsgw.guard_settings default values;

-- What is remembered of prefixes (numbers without their last four digits), clients' addresses and countries. Whoever
-- sends a code holds the rows of its subjects, so credits are exact however many gateways send; only a country with
-- plenty of them is counted a little later, or all codes to it would wait for each other.
create table smsgw.guard_subjects (
    kind    text  not null collate "C",
    subject text  not null collate "C",
    state   jsonb,
    touched date  not null default current_date,
    constraint guard_subjects_pkey primary key (kind, subject),
    constraint guard_subjects_kind_known check (kind in ('country', 'ip', 'prefix'))
) with (fillfactor = 60);
comment on column smsgw.guard_subjects.state is 'Credits, counts, recent numbers of a prefix by their last four digits, blocks; null before the first send.';
comment on column smsgw.guard_subjects.touched is 'Day (UTC or nearly) of the last send or verification.';
create index guard_subjects_touched on smsgw.guard_subjects (touched);

-- What the guard said of each send, and by what. Never a whole number.
create table smsgw.guard_decisions (
    id           uuid        not null,
    at           timestamptz not null,
    session_id   uuid,
    phone        text        not null,
    prefix       text        not null collate "C",
    country      text        not null,
    client       text,
    outcome      text        not null,
    rule         text        not null,
    rule_version smallint    not null,
    mode         text        not null,
    is_sent      boolean     not null,
    inputs       jsonb       not null,
    converted_at timestamptz,
    constraint guard_decisions_pkey primary key (id),
    constraint guard_decisions_outcome_known check (outcome in ('allow', 'challenge', 'block')),
    constraint guard_decisions_mode_known check (mode in ('observe', 'enforce'))
) with (fillfactor = 80);
comment on column smsgw.guard_decisions.phone is 'Country code and last two digits.';
comment on column smsgw.guard_decisions.client is 'The address block that asked, if it is known.';
comment on column smsgw.guard_decisions.is_sent is 'False only where the decision was enforced.';
comment on column smsgw.guard_decisions.converted_at is 'When the code was verified.';
create index guard_decisions_prefix on smsgw.guard_decisions (prefix, id);
create index guard_decisions_session on smsgw.guard_decisions (session_id) where session_id is not null;
create index guard_decisions_refused on smsgw.guard_decisions (outcome, id) where outcome <> 'allow';

grant select, insert, update, delete on smsgw.guard_subjects, smsgw.guard_decisions to smsgw_app;
-- Nobody need delete what is one row for all.
grant select, insert, update on smsgw.guard_settings to smsgw_app;
