-- Two tables that applications planned for, as views of what is here: they read, nobody writes them. Each reads with the
-- rights of its reader, so users see their own rows, and no column that they may not see of the tables below.
create view public.otp_logs with (security_invoker = true) as
    select id, user_id, "to" as phone, session_id,
           case when reason = 'code_made' then 'autogen' else 'template' end as type,
           status, response_time_ms, created_at
    from public.sms_messages_log
    where type = 'otp'
    union all
    select id, user_id, phone, session_id, 'verify', outcome, response_time_ms, created_at
    from public.sms_otp_checks;
comment on view public.otp_logs is 'Every code that was sent or given up, and every check of one.';
comment on column public.otp_logs.type is
    'autogen: the provider made the code it sent; template: the gateway made it; verify: a check.';
comment on column public.otp_logs.status is
    'Of a send that of its message, as in sms_messages_log; of a check right, wrong, ended, locked or away.';
comment on column public.otp_logs.response_time_ms is 'Time of the last call to a provider; of a check, of the whole check.';

create view public.phone_verifications with (security_invoker = true) as
    select id, user_id, phone::varchar(20) as phone_number, null::varchar(6) as verification_code,
           expires_at as code_expires_at, status = 'verified' as verified, attempts, max_attempts, created_at, verified_at
    from public.sms_otp_sessions
    where purpose = 'verify_phone';
comment on view public.phone_verifications is 'Sessions that show whose a number is. There may be several of one user and number.';
comment on column public.phone_verifications.verification_code is
    'Always null: the code stands nowhere, only its keyed hash, which nobody but the gateway may read.';

-- What a view of a hosted Postgres's schema is given by default is taken back, as in enable_row_level_security.
do $$
declare
    gift record;
begin
    for gift in
        select distinct c.oid::regclass as relation, grantee.rolname
        from pg_class c
        cross join aclexplode(c.relacl) as given
        join pg_roles grantee on grantee.oid = given.grantee
        where c.oid in ('public.otp_logs'::regclass, 'public.phone_verifications'::regclass)
          and given.grantee <> c.relowner
          and not (grantee.rolsuper or grantee.rolbypassrls)
    loop
        execute format('revoke all on %s from %I', gift.relation, gift.rolname);
    end loop;
end
$$;
revoke all on public.otp_logs, public.phone_verifications from public;
grant select on public.otp_logs, public.phone_verifications to smsgw_app, smsgw_user;
