-- What a code of each purpose allows and how often codes may be asked for: data, so that an operator changes both
-- without a release. The numbers are those of the plans this gateway was asked for, and of NIST SP 800-63B.
create table smsgw.otp_purposes (
    purpose              text     not null,
    code_length          smallint not null default 6,
    lifetime_seconds     integer  not null default 600,
    max_attempts         smallint not null default 5,
    cool_down_seconds    integer  not null default 30,
    max_sends            smallint not null default 5,
    send_window_seconds  integer  not null default 600,
    resend               text     not null default 'new',
    template             text     not null default 'otp',
    origin               text,
    constraint otp_purposes_pkey primary key (purpose),
    constraint otp_purposes_purpose_known check (
        purpose in ('login', 'verify_phone', 'two_factor', 'password_reset', 'change_phone')),
    constraint otp_purposes_code_length_safe check (code_length between 6 and 10),
    constraint otp_purposes_lifetime_bounded check (lifetime_seconds between 30 and 600),
    constraint otp_purposes_attempts_bounded check (max_attempts between 1 and 10),
    constraint otp_purposes_cool_down_bounded check (cool_down_seconds between 1 and 600),
    constraint otp_purposes_sends_bounded check (max_sends between 1 and 20),
    constraint otp_purposes_send_window_bounded check (send_window_seconds between 1 and 86400),
    constraint otp_purposes_resend_known check (resend in ('new', 'same')),
    constraint otp_purposes_template_is_plain check (template ~ '^[A-Za-z0-9_.-]{1,64}$'),
    constraint otp_purposes_origin_is_a_host check (origin ~ '^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$')
);
comment on column smsgw.otp_purposes.max_attempts is 'Checks one session allows, over all its codes.';
comment on column smsgw.otp_purposes.cool_down_seconds is 'Before the second code of a session; it doubles with every further one.';
comment on column smsgw.otp_purposes.max_sends is 'Codes one session may send, and codes of this purpose one phone may be sent within send_window_seconds.';
comment on column smsgw.otp_purposes.resend is 'Whether a resend makes a new code or repeats the one before.';
comment on column smsgw.otp_purposes.origin is 'Host that codes are bound to by the last line of the text: @host #code (WICG sms-one-time-codes).';

insert into smsgw.otp_purposes (purpose, lifetime_seconds, max_attempts, cool_down_seconds) values
    ('login', 600, 5, 30), ('verify_phone', 600, 3, 60), ('two_factor', 300, 5, 30), ('password_reset', 600, 5, 30),
    ('change_phone', 600, 5, 30);

-- At most `most` codes within any stretch of `per_seconds`, for each client address, phone, user, country or key.
create table smsgw.otp_limits (
    name        text    not null,
    kind        text    not null,
    per_seconds integer not null,
    most        integer not null,
    constraint otp_limits_pkey primary key (name),
    constraint otp_limits_name_is_a_token check (name ~ '^[a-z][a-z0-9_-]{0,39}$'),
    constraint otp_limits_kind_known check (kind in ('ip', 'phone', 'user', 'country', 'key')),
    constraint otp_limits_per_bounded check (per_seconds between 1 and 2592000),
    constraint otp_limits_most_bounded check (most between 1 and 1000000000),
    -- Of these every send is remembered by itself.
    constraint otp_limits_exact_ones_are_small check (kind in ('country', 'key') or most <= 1000)
);
insert into smsgw.otp_limits (name, kind, per_seconds, most) values
    ('ip-minute', 'ip', 60, 5), ('ip-day', 'ip', 86400, 10),
    ('user-minute', 'user', 60, 5), ('user-day', 'user', 86400, 10),
    ('phone-hour', 'phone', 3600, 5), ('phone-day', 'phone', 86400, 10);

-- When codes were last sent to or for one subject. Whoever sends a code holds the rows of all its subjects, so the
-- limits are exact however many gateways send.
create table smsgw.otp_windows (
    kind    text          not null collate "C",
    subject text          not null collate "C",
    times   timestamptz[] not null default '{}',
    until   timestamptz   not null default '-infinity',
    constraint otp_windows_pkey primary key (kind, subject),
    constraint otp_windows_kind_known check (kind in ('ip', 'phone', 'user', 'purpose'))
) with (fillfactor = 70);
comment on column smsgw.otp_windows.until is 'After this time none of its times counts for any limit.';
create index otp_windows_until on smsgw.otp_windows (until);

-- Sends of a country or a key: too many to remember each.
create table smsgw.otp_counts (
    name    text        not null collate "C",
    subject text        not null collate "C",
    bucket  timestamptz not null,
    until   timestamptz not null,
    sends   bigint      not null,
    constraint otp_counts_pkey primary key (name, subject, bucket)
) with (fillfactor = 70);
comment on column smsgw.otp_counts.bucket is 'Begin of a sixtieth of the limit''s stretch of time.';
create index otp_counts_until on smsgw.otp_counts (until);

-- Wrong codes in a row for one phone, over all its sessions: neither a new session nor a resend nor a restart resets
-- them; a right code does. A check counts as a failure from when it is begun until its code proves right.
create table smsgw.otp_phone_failures (
    phone        text        not null,
    failures     integer     not null,
    locked_until timestamptz,
    updated_at   timestamptz not null default clock_timestamp(),
    constraint otp_phone_failures_pkey primary key (phone),
    constraint otp_phone_failures_positive check (failures > 0)
) with (fillfactor = 70);
comment on column smsgw.otp_phone_failures.locked_until is 'No code of this phone is compared before; infinity needs an operator.';

-- How many checks there were and how many failed, in stretches of five minutes: what the brake looks at.
create table smsgw.otp_check_counts (
    bucket   timestamptz not null,
    checks   bigint      not null,
    failures bigint      not null,
    -- Counted while the brake held: not what is usual.
    under_attack boolean not null default false,
    constraint otp_check_counts_pkey primary key (bucket)
) with (fillfactor = 70);

-- While guesses come by the thousand, codes are longer and callers are told to challenge their users.
create table smsgw.otp_brake (
    singleton  boolean     not null default true,
    tripped_at timestamptz not null,
    until      timestamptz not null,
    constraint otp_brake_pkey primary key (singleton),
    constraint otp_brake_one_row check (singleton)
);

-- One row a check, for the log of the plans (type `verify`); written within a second after it.
create table public.sms_otp_checks (
    id               uuid        not null,
    session_id       uuid        not null,
    user_id          text,
    phone            text        not null,
    outcome          text        not null,
    provider_name    text,
    response_time_ms integer     not null,
    created_at       timestamptz not null,
    constraint sms_otp_checks_pkey primary key (id),
    constraint sms_otp_checks_outcome_known check (outcome in ('right', 'wrong', 'ended', 'locked', 'away'))
);
create index sms_otp_checks_user on public.sms_otp_checks (user_id, created_at) where user_id is not null;
create index sms_otp_checks_age on public.sms_otp_checks using brin (created_at) with (pages_per_range = 16);

alter table public.sms_otp_sessions
    add column code_length smallint not null default 6,
    add column withheld    text,
    add column sealed_code bytea;
comment on column public.sms_otp_sessions.withheld is 'Why no code was sent, which only the gateway''s own servers are told.';
comment on column public.sms_otp_sessions.sealed_code is 'The code, sealed, where a resend repeats it; gone when the session has ended.';
-- Attempts are counted in place.
alter table public.sms_otp_sessions set (fillfactor = 70);
-- Sessions that are over are deleted a day later. Nothing was deleted so far, but a million of them is half a second.
create index sms_otp_sessions_ended on public.sms_otp_sessions (expires_at)
    where status not in ('pending', 'sent', 'verified');
create index sms_otp_sessions_verified on public.sms_otp_sessions (verified_at) where status = 'verified';

grant select, insert, update, delete on
    smsgw.otp_purposes, smsgw.otp_limits, smsgw.otp_windows, smsgw.otp_counts, smsgw.otp_phone_failures,
    smsgw.otp_check_counts, smsgw.otp_brake to smsgw_app;

revoke all on public.sms_otp_checks from public;
alter table public.sms_otp_checks enable row level security;
alter table public.sms_otp_checks force row level security;
grant select, insert, delete on public.sms_otp_checks to smsgw_app;
grant select on public.sms_otp_checks to smsgw_user;
create policy gateway_all on public.sms_otp_checks to smsgw_app using (true) with check (true);
create policy own_rows on public.sms_otp_checks for select to smsgw_user
    using (user_id = nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub');

-- As in enable_row_level_security: what a hosted Postgres gives its web roles by default is taken back.
do $$
declare
    gift record;
begin
    for gift in
        select distinct grantee.rolname
        from pg_class c
        cross join aclexplode(c.relacl) as given
        join pg_roles grantee on grantee.oid = given.grantee
        where c.oid = 'public.sms_otp_checks'::regclass
          and given.grantee <> c.relowner
          and grantee.rolname not in ('smsgw_app', 'smsgw_enqueue', 'smsgw_user')
          and not (grantee.rolsuper or grantee.rolbypassrls)
    loop
        execute format('revoke all on public.sms_otp_checks from %I', gift.rolname);
    end loop;
end
$$;
