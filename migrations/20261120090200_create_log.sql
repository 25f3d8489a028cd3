-- What happened. One row per message, written when it leaves the outbox and later updated by
-- receipts; one row per provider call, append-only. Both are partitioned by the time inside the
-- uuid v7 of the message, so a message and its attempts are found without an extra index and old
-- ones are dropped a week at a time.
create table public.sms_messages_log (
    id                  uuid        not null,
    user_id             text,
    "to"                text        not null,
    type                text        not null,
    text                text,
    provider_name       text,
    provider_message_id text,
    status              text        not null,
    reason              text,
    status_code         integer,
    response_time_ms    integer,
    segments            smallint    not null,
    attempts            smallint    not null,
    copies              smallint    not null default 0,
    sender              text,
    template            text,
    api_key_id          integer,
    session_id          uuid,
    batch_id            uuid,
    campaign_id         uuid,
    trace               text,
    created_at          timestamptz not null,
    finished_at         timestamptz not null default clock_timestamp(),
    constraint sms_messages_log_pkey primary key (id),
    constraint sms_messages_log_type_known check (type in ('otp', 'transactional', 'promo')),
    constraint sms_messages_log_status_final check (status in (
        'sent', 'delivered', 'undelivered', 'failed', 'expired', 'suppressed', 'cancelled', 'unknown'
    ))
) partition by range (id);

comment on table  public.sms_messages_log is 'One row per finished message; the text of an otp is masked.';
comment on column public.sms_messages_log.type is 'The lane.';
comment on column public.sms_messages_log.status_code is 'HTTP status of the last provider call.';
comment on column public.sms_messages_log.response_time_ms is 'Time the last provider call took.';
comment on column public.sms_messages_log.copies is 'Calls that may have sent it without an answer; above zero, the person may hold duplicates.';

create index sms_messages_log_user on public.sms_messages_log (user_id, type, created_at) where user_id is not null;
-- Rows arrive in this order, so a few pages of summary are enough to follow the log.
create index sms_messages_log_finished on public.sms_messages_log using brin (finished_at) with (pages_per_range = 16);

create table smsgw.sms_attempts (
    id                  uuid        not null,
    message_id          uuid        not null,
    provider_name       text        not null,
    outcome             text        not null,
    reason              text,
    code                text,
    status_code         integer,
    provider_message_id text,
    possible_duplicate  boolean     not null default false,
    started_at          timestamptz not null,
    response_time_ms    integer     not null,
    constraint sms_attempts_pkey primary key (message_id, id),
    constraint sms_attempts_outcome_known check (outcome in ('accepted', 'throttled', 'not_sent', 'rejected', 'in_doubt'))
) partition by range (message_id);

comment on table  smsgw.sms_attempts is 'One row per call to a provider, append-only.';
comment on column smsgw.sms_attempts.code is 'The vendor''s own error code.';
comment on column smsgw.sms_attempts.possible_duplicate is 'An earlier call may already have sent the message.';

-- Makes the weekly partitions from `since` up to `ahead` after now. A table is made beside its
-- parent and attached, which lets readers and writers of the parent go on; `create … partition of`
-- would stop them. Owner's rights, because the gateway's role owns nothing. A week is seven days of
-- UTC; in another time zone two weeks a year would be an hour longer or shorter.
create function smsgw.create_partitions(since timestamptz, ahead interval) returns integer
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp set timezone = 'UTC' set lock_timeout = '1s'
as $$
declare
    parent  regclass;
    week    timestamptz;
    child   text;
    created integer := 0;
begin
    perform pg_advisory_xact_lock(hashtext('smsgw.create_partitions'));
    foreach parent in array array['public.sms_messages_log', 'smsgw.sms_attempts']::regclass[] loop
        for week in
            select generate_series(
                date_trunc('week', since), clock_timestamp() + ahead, interval '7 days')
        loop
            child := (select relname from pg_class where oid = parent)
                || to_char(week, '"_"IYYY"w"IW');
            continue when to_regclass(format('smsgw.%I', child)) is not null;
            execute format('create table smsgw.%I (like %s including all)', child, parent);
            execute format('alter table %s attach partition smsgw.%I for values from (%L) to (%L)',
                parent, child, smsgw.uuid_floor(week), smsgw.uuid_floor(week + interval '7 days'));
            created := created + 1;
        end loop;
    end loop;
    return created;
end
$$;

-- Drops the partitions that lie wholly before now - `keep`, and says how many.
create function smsgw.drop_partitions(keep interval) returns integer
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp set timezone = 'UTC' set lock_timeout = '1s'
as $$
declare
    parent  regclass;
    child   record;
    limit_at text := to_char(clock_timestamp() - keep - interval '7 days', '"_"IYYY"w"IW');
    dropped integer := 0;
begin
    if keep < interval '35 days' then
        raise exception 'retention must be at least 35 days: a message may be planned 30 days ahead';
    end if;
    foreach parent in array array['public.sms_messages_log', 'smsgw.sms_attempts']::regclass[] loop
        for child in
            select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
            where i.inhparent = parent
              and c.relname < (select relname from pg_class where oid = parent) || limit_at
        loop
            execute format('drop table smsgw.%I', child.relname);
            dropped := dropped + 1;
        end loop;
    end loop;
    return dropped;
end
$$;

revoke all on function smsgw.create_partitions(timestamptz, interval) from public;
revoke all on function smsgw.drop_partitions(interval) from public;
grant execute on function smsgw.create_partitions(timestamptz, interval), smsgw.drop_partitions(interval) to smsgw_app;

select smsgw.create_partitions(clock_timestamp() - interval '7 days', interval '28 days');

grant select, insert, update on public.sms_messages_log to smsgw_app;
grant select, insert on smsgw.sms_attempts to smsgw_app;
