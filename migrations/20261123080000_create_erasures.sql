-- Erasure and retention: who asks to be forgotten is, wherever their number stands, and what nobody needs any more goes
-- by itself. What somebody had stopped outlives both, as a keyed hash that only the gateway's key can make: a list that
-- comes again, or a restored backup, must not bring their messages back.

-- Erasures that were asked for. The log has no index by number, so a worker goes through it in steps.
create table smsgw.sms_erasures (
    id            uuid        not null,
    hash          bytea       not null,
    sealed_number bytea,
    requested_at  timestamptz not null default clock_timestamp(),
    seen          uuid,
    rows          bigint      not null default 0,
    done_at       timestamptz,
    constraint sms_erasures_pkey primary key (id),
    -- Nothing needs the number once it is done.
    constraint sms_erasures_number_goes_when_done check ((done_at is null) = (sealed_number is not null)),
    constraint sms_erasures_rows_not_negative check (rows >= 0)
);
comment on table  smsgw.sms_erasures is 'Who was forgotten, or is about to be. Kept: after a restore they are forgotten again.';
comment on column smsgw.sms_erasures.hash is 'HMAC of the number; the key is outside the database.';
comment on column smsgw.sms_erasures.sealed_number is 'The number, XChaCha20-Poly1305, bound to this row; gone when it is done.';
comment on column smsgw.sms_erasures.seen is 'The log is done up to this id; null before it was begun.';
comment on column smsgw.sms_erasures.rows is 'Rows that were erased or stripped.';
-- One at a time for each number: who asks again meanwhile has it begun anew.
create unique index sms_erasures_pending on smsgw.sms_erasures (hash) where done_at is null;

-- What people had stopped when they were erased.
create table smsgw.sms_suppressed_hashes (
    hash       bytea       not null,
    scope      text        not null,
    sender     text        not null default '',
    created_at timestamptz not null default clock_timestamp(),
    constraint sms_suppressed_hashes_pkey primary key (hash, scope, sender),
    constraint sms_suppressed_hashes_scope_known check (scope in ('marketing', 'all', 'sender')),
    constraint sms_suppressed_hashes_sender_is_of_its_scope check ((scope = 'sender') = (sender <> ''))
);
comment on table  smsgw.sms_suppressed_hashes is 'Stops of people whose number is not kept any more. Read by the claim while there are any.';
comment on column smsgw.sms_suppressed_hashes.hash is 'HMAC of the number; the key is outside the database.';
comment on column smsgw.sms_suppressed_hashes.scope is 'As in sms_opt_outs.';

-- How far what goes by age is gone, where no column of the table tells.
create table smsgw.sms_retention (
    name       text        not null,
    done_until timestamptz not null,
    constraint sms_retention_pkey primary key (name)
);
comment on table smsgw.sms_retention is 'bodies: texts of messages that ended before this are wiped.';
insert into smsgw.sms_retention (name, done_until)
select 'bodies', coalesce(
    (select smsgw.uuid_time(id) from public.sms_messages_log order by id limit 1), clock_timestamp());

grant select, insert, update, delete on smsgw.sms_erasures, smsgw.sms_suppressed_hashes to smsgw_app;
grant select, update on smsgw.sms_retention to smsgw_app;

-- A campaign that ended long ago keeps its counts and none of its people.
create index sms_campaigns_to_empty on public.sms_campaigns (finished_at)
    where finished_at is not null and not list_gone;

-- Evidence and attempts are append-only to the gateway's role. With the owner's rights it may forget one person, and
-- nothing else: their evidence, and of their messages what would lead to them at a vendor.
create function smsgw.erase_consents(phones text[], sources text) returns bigint
    language sql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
    with gone as (delete from smsgw.sms_consents where phone = any(phones) and source like sources returning 1)
    select count(*) from gone
$$;

-- All of them lie from `since` on and before `before`, so that not every week is looked through.
create function smsgw.erase_attempts(messages uuid[], since uuid, before uuid) returns bigint
    language sql volatile security definer
    set search_path = pg_catalog, pg_temp
as $$
    with stripped as (
        update smsgw.sms_attempts set provider_message_id = null
        where message_id = any(messages) and message_id >= since and message_id < before
          and provider_message_id is not null
        returning 1
    )
    select count(*) from stripped
$$;

revoke all on function smsgw.erase_consents(text[], text), smsgw.erase_attempts(uuid[], uuid, uuid) from public;
grant execute on function smsgw.erase_consents(text[], text), smsgw.erase_attempts(uuid[], uuid, uuid) to smsgw_app;
