-- A second factor beside codes by SMS: an authenticator app, backup codes for whoever lost the phone, and devices that
-- are remembered for a while. What a user types or shows is never here: of a backup code there is an HMAC, of an app's
-- secret its sealed form, of a device's token a number that says which of them is good.
--
-- Settings that are there have the default: they are validated in the next migration, without this one's lock.
alter table public.user_contact_settings
    add column two_factor_method text not null default 'sms',
    add constraint user_contact_settings_two_factor_method_known check (two_factor_method in ('sms', 'app'))
        not valid;
comment on column public.user_contact_settings.two_factor_method is
    'Which factor is asked for while otp_enabled is set; app only counts with a confirmed app.';

-- Ten of a user, always: making them anew replaces each by its number, so no two makings leave more.
create table public.two_factor_backup_codes (
    id         uuid        not null default gen_random_uuid(),
    user_id    text        not null,
    number     smallint    not null,
    code_mac   bytea       not null,
    used       boolean     not null generated always as (used_at is not null) stored,
    used_at    timestamptz,
    created_at timestamptz not null default clock_timestamp(),
    constraint two_factor_backup_codes_pkey primary key (id),
    constraint two_factor_backup_codes_number_unique unique (user_id, number),
    constraint two_factor_backup_codes_code_unique unique (user_id, code_mac),
    constraint two_factor_backup_codes_ten check (number between 1 and 10)
);
comment on table  public.two_factor_backup_codes is 'Codes a user keeps for the day the phone is lost, each good for once.';
comment on column public.two_factor_backup_codes.code_mac is 'HMAC of user and code; the key is outside the database.';

create table public.two_factor_apps (
    id            uuid        not null,
    user_id       text        not null,
    sealed_secret bytea       not null,
    last_step     bigint,
    created_at    timestamptz not null default clock_timestamp(),
    expires_at    timestamptz,
    confirmed_at  timestamptz,
    constraint two_factor_apps_pkey primary key (id),
    constraint two_factor_apps_pending_expire check ((confirmed_at is null) = (expires_at is not null))
);
comment on table  public.two_factor_apps is 'Authenticator apps (RFC 6238): confirmed by a first code, or pending for a while.';
comment on column public.two_factor_apps.sealed_secret is 'XChaCha20-Poly1305, bound to this row; the key is outside the database.';
comment on column public.two_factor_apps.last_step is 'The newest time step whose code was taken: neither it nor one before is taken again.';
-- While somebody moves to another app, the one before stays good.
create unique index two_factor_apps_confirmed on public.two_factor_apps (user_id) where confirmed_at is not null;
create unique index two_factor_apps_pending on public.two_factor_apps (user_id) where confirmed_at is null;
create index two_factor_apps_expire on public.two_factor_apps (expires_at) where expires_at is not null;

create table public.remembered_devices (
    id           uuid        not null,
    user_id      text        not null,
    name         text        not null,
    generation   integer     not null default 1,
    created_at   timestamptz not null default clock_timestamp(),
    last_used_at timestamptz,
    expires_at   timestamptz not null,
    constraint remembered_devices_pkey primary key (id),
    constraint remembered_devices_generation_positive check (generation > 0)
);
comment on table  public.remembered_devices is 'Browsers that need not show a second factor; one that is revoked is deleted.';
comment on column public.remembered_devices.generation is 'Which of its tokens is good: each use makes the next one.';
create index remembered_devices_user on public.remembered_devices (user_id, created_at);
create index remembered_devices_expire on public.remembered_devices (expires_at);

-- Wrong codes in a row, over app and backup codes: counted before a code is looked at, forgotten by a right one.
create table smsgw.two_factor_failures (
    user_id      text        not null,
    failures     integer     not null,
    locked_until timestamptz,
    updated_at   timestamptz not null default clock_timestamp(),
    constraint two_factor_failures_pkey primary key (user_id),
    constraint two_factor_failures_not_negative check (failures >= 0)
) with (fillfactor = 70);
create index two_factor_failures_age on smsgw.two_factor_failures (updated_at);

-- When a user last gave a right code of an app or a backup code. Those by SMS are in their sessions.
create table smsgw.two_factor_verifications (
    user_id     text        not null,
    method      text        not null,
    verified_at timestamptz not null default clock_timestamp(),
    constraint two_factor_verifications_pkey primary key (user_id),
    constraint two_factor_verifications_method_known check (method in ('app', 'backup_code'))
) with (fillfactor = 70);
create index two_factor_verifications_age on smsgw.two_factor_verifications (verified_at);

-- A device was remembered because its user held this number and wanted a second factor; perhaps by a code to that number,
-- which says nothing once the app is asked for. Whatever changes that, the gateway or somebody's own SQL, ends it.
create function smsgw.forget_devices() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    delete from public.remembered_devices where user_id = old.user_id;
    return null;
end
$$;
create trigger user_contact_settings_forget_devices
    after update of phone, otp_enabled, two_factor_method on public.user_contact_settings for each row
    when (
        (old.phone is not null and old.phone is distinct from new.phone)
        or (old.otp_enabled and not new.otp_enabled)
        or (old.otp_enabled and old.two_factor_method = 'sms' and new.two_factor_method = 'app')
    )
    execute function smsgw.forget_devices();
create trigger user_contact_settings_forget_devices_when_gone
    after delete on public.user_contact_settings for each row
    execute function smsgw.forget_devices();

-- What a user is asked for. Postgres puts it into the query that calls it.
create function smsgw.two_factor_method(otp_enabled boolean, wanted text, has_app boolean) returns text
    language sql immutable parallel safe
    return case
        when not coalesce(otp_enabled, false) then 'none'
        when wanted = 'app' and has_app then 'app'
        else 'sms'
    end;
revoke all on function smsgw.two_factor_method(boolean, text, boolean) from public;
grant execute on function smsgw.two_factor_method(boolean, text, boolean) to smsgw_app;

grant select, insert, update, delete on smsgw.two_factor_failures, smsgw.two_factor_verifications to smsgw_app;

do $$
declare
    guarded text;
    gift record;
begin
    foreach guarded in array array['two_factor_backup_codes', 'two_factor_apps', 'remembered_devices'] loop
        execute format('revoke all on public.%I from public', guarded);
        execute format('alter table public.%I enable row level security', guarded);
        execute format('alter table public.%I force row level security', guarded);
        execute format('grant select, insert, update, delete on public.%I to smsgw_app', guarded);
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
        where c.relnamespace = 'public'::regnamespace
          and c.relname in ('two_factor_backup_codes', 'two_factor_apps', 'remembered_devices')
          and given.grantee <> c.relowner
          and grantee.rolname not in ('smsgw_app', 'smsgw_enqueue', 'smsgw_user')
          and not (grantee.rolsuper or grantee.rolbypassrls)
    loop
        execute format('revoke all on %s from %I', gift.relation, gift.rolname);
    end loop;
end
$$;
-- Its owner may see that a factor is there, not what it is known by.
grant select (id, user_id, used, used_at, created_at) on public.two_factor_backup_codes to smsgw_user;
grant select (id, user_id, created_at, confirmed_at) on public.two_factor_apps to smsgw_user;
grant select (id, user_id, name, created_at, last_used_at, expires_at) on public.remembered_devices to smsgw_user;
