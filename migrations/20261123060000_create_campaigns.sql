-- Campaigns: one text for many people. The recipients are the truth, and what keeps a number from being texted twice;
-- a feeder moves them into the outbox no faster than they leave it.
create table public.sms_campaigns (
    id                 uuid        not null,
    number             integer     not null generated always as identity,
    name               text        not null,
    status             text        not null default 'draft',
    reason             text,
    lane               text        not null default 'promo',
    text               text        not null,
    template           text,
    sender             text,
    provider_hint      text,
    max_per_second     integer,
    weight             smallint    not null default 10,
    message_life_seconds integer   not null,
    start_at           timestamptz,
    expires_at         timestamptz,
    dedupe_key         text,
    dedupe_window_hours integer,
    budget_micros      bigint,
    budget_currency    text,
    api_key_id         integer     not null,
    longest_text       text,
    forcing            text        not null default '',
    created_at         timestamptz not null default clock_timestamp(),
    started_at         timestamptz,
    paused_at          timestamptz,
    finished_at        timestamptz,
    emptied_at         timestamptz,
    list_gone          boolean     not null default false,

    constraint sms_campaigns_pkey primary key (id),
    constraint sms_campaigns_number_unique unique (number),
    constraint sms_campaigns_status_known check (
        status in ('draft', 'scheduled', 'running', 'paused', 'finished', 'cancelled')),
    constraint sms_campaigns_lane_known check (lane in ('transactional', 'promo')),
    constraint sms_campaigns_rate_positive check (max_per_second > 0),
    constraint sms_campaigns_weight_bounded check (weight between 1 and 100),
    constraint sms_campaigns_budget_whole check ((budget_micros is null) = (budget_currency is null)),
    constraint sms_campaigns_dedupe_whole check ((dedupe_key is null) = (dedupe_window_hours is null))
) with (fillfactor = 50);

comment on table  public.sms_campaigns is 'One text for many people, and how far it is.';
comment on column public.sms_campaigns.number is 'Part of the ids of its messages, see sms_campaign_batches.';
comment on column public.sms_campaigns.text is 'What is filled for each recipient, as it was when the campaign was made: a later change of the template changes nothing.';
comment on column public.sms_campaigns.template is 'The template it came from, by which a provider finds the one registered with it.';
comment on column public.sms_campaigns.message_life_seconds is 'How long a message may wait once it is due.';
comment on column public.sms_campaigns.expires_at is 'Nobody is texted after this.';
comment on column public.sms_campaigns.dedupe_key is 'Who was texted under this key within dedupe_window_hours is left out.';
comment on column public.sms_campaigns.longest_text is 'The longest text that a recipient will get.';
comment on column public.sms_campaigns.emptied_at is 'Since when the list of its recipients is deleted. It takes nobody any more: who was texted would be again.';
comment on column public.sms_campaigns.list_gone is 'Nothing of that list is left.';
comment on column public.sms_campaigns.forcing is 'Characters that force UCS-2 in the texts of its recipients, the first 40 that came.';

create index sms_campaigns_live on public.sms_campaigns (status) where status in ('scheduled', 'running');

-- Whom it is for. Rows are added in the order of seq, under the campaign's row lock, and never changed: a cursor says
-- how far the feeder is, so that nothing is written to them again.
create table smsgw.sms_campaign_recipients (
    campaign_id uuid     not null,
    seq         bigint   not null generated always as identity,
    place       smallint not null,
    segments    smallint not null,
    saved       smallint,
    phone       text     not null collate "C",
    variables   jsonb,
    constraint sms_campaign_recipients_pkey primary key (campaign_id, phone)
);
create index sms_campaign_recipients_order on smsgw.sms_campaign_recipients (campaign_id, place, seq);
comment on column smsgw.sms_campaign_recipients.place is 'Where the number is: a row of sms_campaign_places.';
comment on column smsgw.sms_campaign_recipients.segments is 'What its text takes.';
comment on column smsgw.sms_campaign_recipients.saved is 'If its text is UCS-2: segments that plainer characters would save.';

-- The places of a campaign's recipients, which share their hours, prices and rules, and the cursor of each.
create table smsgw.sms_campaign_places (
    campaign_id uuid     not null,
    place       smallint not null,
    country     text     not null,
    zone        text     not null,
    recipients  bigint   not null default 0,
    segments    bigint   not null default 0,
    ucs2        bigint   not null default 0,
    saved       bigint   not null default 0,
    fed         bigint   not null default 0,
    fed_seq     bigint   not null default 0,
    constraint sms_campaign_places_pkey primary key (campaign_id, place),
    constraint sms_campaign_places_unique unique (campaign_id, country, zone)
) with (fillfactor = 50);
comment on column smsgw.sms_campaign_places.country is 'ISO 3166 code; empty for numbers of no country.';
comment on column smsgw.sms_campaign_places.zone is 'IANA time zone; empty if the number does not tell.';
comment on column smsgw.sms_campaign_places.ucs2 is 'Recipients whose text is UCS-2.';
comment on column smsgw.sms_campaign_places.saved is 'Segments that plainer characters would save.';
comment on column smsgw.sms_campaign_places.fed_seq is 'Recipients up to this one were moved into the outbox.';

-- What was moved into the outbox together. The id of a recipient's message is computed from this and its seq: a uuid v7
-- of fed_at, whose other bits are the campaign's number and seq. So a recipient finds its message without being written.
create table smsgw.sms_campaign_batches (
    campaign_id uuid        not null,
    place       smallint    not null,
    after_seq   bigint      not null,
    to_seq      bigint      not null,
    fed_at      timestamptz not null,
    constraint sms_campaign_batches_pkey primary key (campaign_id, place, to_seq)
);

-- What the feeder notes of a campaign while it runs. Apart from the campaign, which every claim reads: a row that changes
-- all the time is slow to read under a long transaction.
create table smsgw.sms_campaign_paces (
    campaign_id uuid        not null,
    fed_until   timestamptz,
    rate        real        not null default 0,
    constraint sms_campaign_paces_pkey primary key (campaign_id)
) with (fillfactor = 50);
comment on column smsgw.sms_campaign_paces.fed_until is 'Due time of the last message fed: the throttle goes on from there.';
comment on column smsgw.sms_campaign_paces.rate is 'Messages that ended in the last second.';

-- How the messages of a campaign ended. A slot is a server process within ten seconds: none waits for another, and no row
-- is changed for long. The feeder adds old slots up in slot 1. In slot 0 it counts what it left out itself.
create table smsgw.sms_campaign_counts (
    campaign_id uuid   not null,
    slot        bigint not null default (floor(extract(epoch from clock_timestamp()) / 10)::bigint << 24) | pg_backend_pid(),
    status      text   not null,
    messages    bigint not null,
    constraint sms_campaign_counts_pkey primary key (campaign_id, slot, status)
) with (fillfactor = 50);

-- Lists that were uploaded, by the Idempotency-Key each came with, or a name of our own: how far each was committed, so
-- that it goes on there when it comes again. What came by SQL is counted here too, under the key of one blank.
create table smsgw.sms_campaign_uploads (
    campaign_id uuid        not null,
    key         text        not null,
    rows        bigint      not null default 0,
    digest      bytea       not null,
    added       bigint      not null default 0,
    duplicates  bigint      not null default 0,
    blocked     bigint      not null default 0,
    rejected    bigint      not null default 0,
    done        boolean     not null default false,
    updated_at  timestamptz not null default clock_timestamp(),
    constraint sms_campaign_uploads_pkey primary key (campaign_id, key)
);
comment on column smsgw.sms_campaign_uploads.digest is 'Of the rows committed so far: another list cannot go on where this one stopped.';

-- Recipients that came by SQL, before the gateway has read them. What it could not use stays, with the reason.
create table smsgw.sms_campaign_staged (
    campaign_id uuid   not null,
    id          bigint not null generated always as identity,
    phone       text   not null,
    variables   jsonb,
    reason      text,
    constraint sms_campaign_staged_pkey primary key (campaign_id, id)
);
create index sms_campaign_staged_waiting on smsgw.sms_campaign_staged (campaign_id, id) where reason is null;

-- Who was texted under a dedupe key, and when last.
create table smsgw.sms_campaign_dedupe (
    key     text        not null,
    phone   text        not null collate "C",
    sent_at timestamptz not null,
    constraint sms_campaign_dedupe_pkey primary key (key, phone)
);

grant select, insert, update, delete on
    smsgw.sms_campaign_recipients, smsgw.sms_campaign_places, smsgw.sms_campaign_batches, smsgw.sms_campaign_paces,
    smsgw.sms_campaign_counts, smsgw.sms_campaign_uploads, smsgw.sms_campaign_staged, smsgw.sms_campaign_dedupe to smsgw_app;

-- Ends are counted by the statements that write them. What moves a message on afterwards, receipts for one, is counted here.
create function smsgw.recount_campaign() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    insert into smsgw.sms_campaign_counts as c (campaign_id, status, messages)
    values (new.campaign_id, old.status, -1), (new.campaign_id, new.status, 1)
    on conflict (campaign_id, slot, status) do update set messages = c.messages + excluded.messages;
    return null;
end
$$;
revoke all on function smsgw.recount_campaign() from public;
create trigger recount_campaign after update of status on public.sms_messages_log
    for each row when (new.campaign_id is not null and new.status <> old.status)
    execute function smsgw.recount_campaign();

-- Adds somebody to a campaign in the caller's own transaction. The number needs its country code; the gateway reads it
-- as any other, and a campaign shows how many it could not use.
create function public.sms_campaign_add(campaign uuid, "to" text, variables jsonb default null) returns void
    language plpgsql volatile
    security definer
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    number constant text := regexp_replace(regexp_replace("to", '[\s()./-]', '', 'g'), '^00', '+');
    state   text;
    emptied timestamptz;
begin
    if number is null or number !~ '^\+[1-9][0-9]{6,14}$' then
        raise exception 'sms_campaign_add: "to" is not a phone number'
            using errcode = 'invalid_parameter_value', column = 'to',
                  hint = 'Write it with its country code, for example +41790000001.';
    end if;
    if jsonb_typeof(variables) <> 'object' then
        raise exception 'sms_campaign_add: "variables" must be an object'
            using errcode = 'invalid_parameter_value', column = 'variables',
                  hint = 'Write {"name": "value"}, or leave it out.';
    end if;
    if exists (select from jsonb_each(variables) v where jsonb_typeof(v.value) not in ('string', 'number', 'boolean'))
        or octet_length(variables::text) > 16384 then
        raise exception 'sms_campaign_add: "variables" must be texts, numbers or true and false, of 16 kB in all'
            using errcode = 'invalid_parameter_value', column = 'variables',
                  hint = 'Write {"name": "value"}, with what the text needs.';
    end if;
    select c.status, c.emptied_at into state, emptied from public.sms_campaigns c where c.id = campaign;
    if state is null then
        raise exception 'sms_campaign_add: there is no such campaign'
            using errcode = 'foreign_key_violation', column = 'campaign',
                  hint = 'POST /sms/campaigns or smsgw campaign create gives the id of a new one.';
    end if;
    if state = 'cancelled' then
        raise exception 'sms_campaign_add: the campaign is cancelled'
            using errcode = 'object_not_in_prerequisite_state', column = 'campaign', hint = 'Make another campaign.';
    end if;
    if emptied is not null then
        raise exception 'sms_campaign_add: the campaign ended long ago, and its list is deleted'
            using errcode = 'object_not_in_prerequisite_state', column = 'campaign', hint = 'Make another campaign.';
    end if;
    insert into smsgw.sms_campaign_staged (campaign_id, phone, variables) values (campaign, number, variables);
end
$$;
grant create on schema public to smsgw_app;
alter function public.sms_campaign_add owner to smsgw_app;
revoke create on schema public from smsgw_app;
revoke all on function public.sms_campaign_add from public;
grant execute on function public.sms_campaign_add to smsgw_enqueue;

-- What of that could not be used, for who added it.
create function public.sms_campaign_refused(campaign uuid)
    returns table ("to" text, variables jsonb, reason text)
    language sql stable
    security definer
    set search_path = pg_catalog, pg_temp
as $$
    select s.phone, s.variables, s.reason from smsgw.sms_campaign_staged s
    where s.campaign_id = campaign and s.reason is not null order by s.id
$$;
grant create on schema public to smsgw_app;
alter function public.sms_campaign_refused owner to smsgw_app;
revoke create on schema public from smsgw_app;
revoke all on function public.sms_campaign_refused from public;
grant execute on function public.sms_campaign_refused to smsgw_enqueue;
comment on function public.sms_campaign_refused is 'Recipients added by sms_campaign_add that could not be used, and why.';
comment on function public.sms_campaign_add is 'Adds a recipient to a campaign in the caller''s own transaction. Grant the role smsgw_enqueue to whoever may.';

revoke all on public.sms_campaigns from public;
alter table public.sms_campaigns enable row level security;
alter table public.sms_campaigns force row level security;
grant select, insert, update, delete on public.sms_campaigns to smsgw_app;
create policy gateway_all on public.sms_campaigns to smsgw_app using (true) with check (true);

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
        where c.oid = 'public.sms_campaigns'::regclass
          and given.grantee <> c.relowner
          and grantee.rolname not in ('smsgw_app', 'smsgw_enqueue', 'smsgw_user')
          and not (grantee.rolsuper or grantee.rolbypassrls)
    loop
        execute format('revoke all on public.sms_campaigns from %I', gift.rolname);
    end loop;
end
$$;
