-- A user reads their own rows, whoever they are by `request.jwt.claims` (as PostgREST and Supabase
-- set it); without claims they read nothing. The gateway's role reads and writes all. Row-level
-- security is forced, so a table's owner is held to it too.
do $$
declare
    guarded text;
begin
    foreach guarded in array array[
        'sms_messages_log', 'sms_otp_sessions', 'user_contact_settings', 'api_integrations', 'sms_templates'
    ] loop
        execute format('revoke all on public.%I from public', guarded);
        execute format('alter table public.%I enable row level security', guarded);
        execute format('alter table public.%I force row level security', guarded);
        execute format('create policy gateway_all on public.%I to smsgw_app using (true) with check (true)', guarded);
    end loop;
    foreach guarded in array array['sms_messages_log', 'user_contact_settings'] loop
        execute format('grant select on public.%I to smsgw_user', guarded);
    end loop;
    foreach guarded in array array['sms_messages_log', 'sms_otp_sessions', 'user_contact_settings'] loop
        execute format(
            'create policy own_rows on public.%I for select to smsgw_user using '
            '(user_id = nullif(current_setting(''request.jwt.claims'', true), '''')::jsonb ->> ''sub'')', guarded);
    end loop;
end
$$;
-- Of a session its owner may see the state, not the code's HMAC.
grant select (id, user_id, phone, purpose, provider_name, status, attempts, max_attempts, sends,
              resend_at, expires_at, created_at, verified_at)
    on public.sms_otp_sessions to smsgw_user;

-- Outbox and log as one list, with the caller's own rights.
create view public.sms_messages with (security_invoker = true) as
    select id, user_id, "to", lane as type, body as text, null::text as provider_name,
           case when worker_id is null then 'queued' else 'sending' end as status,
           reason, segments, attempts, copies, sender, template, api_key_id, session_id, batch_id, campaign_id,
           due_at, expires_at, null::timestamptz as finished_at
    from smsgw.sms_outbox
    union all
    select id, user_id, "to", type, text, provider_name, status,
           reason, segments, attempts, copies, sender, template, api_key_id, session_id, batch_id, campaign_id,
           null, null, finished_at
    from public.sms_messages_log;
comment on view public.sms_messages is 'Every message, wherever it stands.';
revoke all on public.sms_messages from public;
grant select on public.sms_messages to smsgw_app;

-- Whether the schema is up to date is part of being ready. The list is sqlx's own table, which
-- exists unless somebody applies these files by hand.
do $$
begin
    if to_regclass('public._sqlx_migrations') is not null then
        revoke all on public._sqlx_migrations from public;
        grant select on public._sqlx_migrations to smsgw_app;
    end if;
end
$$;

-- A hosted Postgres may give every new table of `public` to its web roles by default privileges.
-- Row-level security would hold them to their rows, but not to columns, nor stop a truncate, and
-- the list of migrations has none. So it is taken back; a role that bypasses row-level security is
-- an administrator and keeps what it was given.
do $$
declare
    gift record;
begin
    for gift in
        select distinct c.oid::regclass as relation, grantee.rolname
        from pg_class c
        cross join aclexplode(c.relacl) as given
        join pg_roles grantee on grantee.oid = given.grantee
        where c.relnamespace = 'public'::regnamespace
          and c.relname in ('sms_messages_log', 'sms_otp_sessions', 'user_contact_settings', 'api_integrations',
                            'sms_templates', 'sms_messages', '_sqlx_migrations')
          and given.grantee <> c.relowner
          and grantee.rolname not in ('smsgw_app', 'smsgw_enqueue', 'smsgw_user')
          and not (grantee.rolsuper or grantee.rolbypassrls)
    loop
        execute format('revoke all on %s from %I', gift.relation, gift.rolname);
    end loop;
end
$$;
