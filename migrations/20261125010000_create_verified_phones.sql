-- Whose number is whose: what a right code of the purpose verify_phone or change_phone has shown. A user has one number,
-- and a number one user.
create table public.verified_phones (
    user_id     text        not null,
    phone       text        not null,
    session_id  uuid        not null,
    verified_at timestamptz not null,
    constraint verified_phones_pkey primary key (user_id),
    constraint verified_phones_phone_unique unique (phone),
    constraint verified_phones_phone_is_e164 check (phone ~ '^\+[1-9][0-9]{1,14}$')
);
comment on column public.verified_phones.session_id is 'The session whose code has shown it last; sessions are forgotten after 90 days.';

-- The numbers that users had before.
create table public.verified_phone_changes (
    id          bigint      generated always as identity,
    user_id     text        not null,
    phone       text        not null,
    verified_at timestamptz not null,
    ended_at    timestamptz not null default clock_timestamp(),
    ended_by    text        not null,
    constraint verified_phone_changes_pkey primary key (id),
    constraint verified_phone_changes_end_known check (ended_by in ('changed', 'removed'))
);
create index verified_phone_changes_user on public.verified_phone_changes (user_id, id);
comment on column public.verified_phone_changes.verified_at is 'When it was shown last that the number is theirs.';
comment on column public.verified_phone_changes.ended_by is 'changed: another number was verified; removed: the application took it away.';

-- A number that was somebody's may be another's by now.
grant select (user_id, phone, verified_at) on public.verified_phones to smsgw_user;
grant select (id, user_id, verified_at, ended_at, ended_by) on public.verified_phone_changes to smsgw_user;

-- What an application asks of its users before they change what they sign in with. One row.
create table smsgw.identity_settings (
    only_one          boolean     not null default true,
    change_needs_old  boolean     not null default false,
    updated_at        timestamptz not null default clock_timestamp(),
    constraint identity_settings_pkey primary key (only_one),
    constraint identity_settings_single check (only_one)
);
insert into smsgw.identity_settings default values;
comment on column smsgw.identity_settings.change_needs_old is 'Whether another number is taken only after a code to the one before was right.';

-- What a right code of the purpose password_reset is exchanged for: good once, and for minutes. Known by a keyed hash.
create table smsgw.reset_tokens (
    token_mac   bytea       not null,
    session_id  uuid        not null,
    user_id     text,
    phone       text        not null,
    expires_at  timestamptz not null,
    redeemed_at timestamptz,
    constraint reset_tokens_pkey primary key (token_mac),
    constraint reset_tokens_session_unique unique (session_id)
);
create index reset_tokens_expiry on smsgw.reset_tokens (expires_at);
create index reset_tokens_phone on smsgw.reset_tokens (phone);

grant select, insert, update, delete on
    public.verified_phones, public.verified_phone_changes, smsgw.reset_tokens to smsgw_app;
grant select, update on smsgw.identity_settings to smsgw_app;

do $$
declare
    guarded text;
    gift    record;
begin
    foreach guarded in array array['verified_phones', 'verified_phone_changes'] loop
        execute format('revoke all on public.%I from public', guarded);
        execute format('alter table public.%I enable row level security', guarded);
        execute format('alter table public.%I force row level security', guarded);
        execute format('create policy gateway_all on public.%I to smsgw_app using (true) with check (true)', guarded);
        execute format(
            'create policy own_rows on public.%I for select to smsgw_user using '
            '(user_id = nullif(current_setting(''request.jwt.claims'', true), '''')::jsonb ->> ''sub'')', guarded);
    end loop;
    -- As in enable_row_level_security: what a hosted Postgres gives its web roles by default is taken back.
    for gift in
        select distinct c.oid::regclass as relation, grantee.rolname
        from pg_class c
        cross join aclexplode(c.relacl) as given
        join pg_roles grantee on grantee.oid = given.grantee
        where c.oid in ('public.verified_phones'::regclass, 'public.verified_phone_changes'::regclass)
          and given.grantee <> c.relowner
          and grantee.rolname not in ('smsgw_app', 'smsgw_enqueue', 'smsgw_user')
          and not (grantee.rolsuper or grantee.rolbypassrls)
    loop
        execute format('revoke all on %s from %I', gift.relation, gift.rolname);
    end loop;
end
$$;
