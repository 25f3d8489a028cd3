-- People who look after the gateway in a browser: who they are, where they are signed in, and what they changed.
create table smsgw.operators (
    id            uuid        not null default gen_random_uuid(),
    name          text        not null,
    role          text        not null,
    password_hash text,
    created_at    timestamptz not null default clock_timestamp(),
    disabled_at   timestamptz,
    constraint operators_pkey primary key (id),
    constraint operators_name_unique unique (name),
    constraint operators_name_is_plain check (name ~ '^[a-z0-9][a-z0-9._@+-]{0,63}$'),
    constraint operators_role_known check (role in ('viewer', 'marketer', 'admin', 'super_admin'))
);
comment on table  smsgw.operators is 'Who may sign in to the console.';
comment on column smsgw.operators.role is 'Each may what those before it may: viewer, marketer, admin, super_admin.';
comment on column smsgw.operators.password_hash is 'Argon2id, as a PHC string; null: a link alone lets them in.';
comment on column smsgw.operators.disabled_at is 'Since when they may not sign in.';

-- A cookie is worth its session, so the table knows it by an HMAC alone, whose key is not in the database.
create table smsgw.operator_sessions (
    mac         bytea       not null,
    operator_id uuid        not null,
    created_at  timestamptz not null default clock_timestamp(),
    seen_at     timestamptz not null default clock_timestamp(),
    constraint operator_sessions_pkey primary key (mac),
    constraint operator_sessions_operator foreign key (operator_id)
        references smsgw.operators (id) on delete cascade
);
create index operator_sessions_by_operator on smsgw.operator_sessions (operator_id);
comment on table smsgw.operator_sessions is 'Browsers in which an operator is signed in.';
comment on column smsgw.operator_sessions.seen_at is 'When it was last used, to the minute.';

create table smsgw.operator_links (
    mac         bytea       not null,
    operator_id uuid        not null,
    ends_at     timestamptz not null,
    constraint operator_links_pkey primary key (mac),
    constraint operator_links_operator foreign key (operator_id)
        references smsgw.operators (id) on delete cascade
);
create index operator_links_by_operator on smsgw.operator_links (operator_id);
comment on table smsgw.operator_links is 'Links that sign an operator in, once.';

-- Tries are counted before a password is looked at, so that many at once are no more than many in turn.
create table smsgw.operator_tries (
    subject text        not null,
    tries   integer     not null,
    until   timestamptz not null,
    constraint operator_tries_pkey primary key (subject),
    constraint operator_tries_positive check (tries > 0)
);
create index operator_tries_by_end on smsgw.operator_tries (until);
comment on table smsgw.operator_tries is 'Tries to sign in, by whom and from where, until they are forgotten.';

create table smsgw.audit_log (
    id       bigint      generated always as identity,
    at       timestamptz not null default clock_timestamp(),
    operator text        not null,
    role     text        not null,
    address  text,
    action   text        not null,
    subject  text,
    detail   jsonb,
    constraint audit_log_pkey primary key (id)
);
comment on table  smsgw.audit_log is 'What operators changed, append-only to the gateway''s role.';
comment on column smsgw.audit_log.operator is 'Their name as it was: they may be gone.';
comment on column smsgw.audit_log.action is 'For example provider.replace.';
comment on column smsgw.audit_log.subject is 'What it was done to, for example the provider''s name.';
comment on column smsgw.audit_log.detail is 'What is different since. Never a secret.';

grant select, insert, update, delete on smsgw.operators, smsgw.operator_sessions, smsgw.operator_links, smsgw.operator_tries
    to smsgw_app;
grant select, insert on smsgw.audit_log to smsgw_app;
