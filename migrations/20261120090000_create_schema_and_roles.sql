-- Two schemas. `public` holds the tables that applications know by name and may read through
-- row-level security. `smsgw` holds the outbox, its helpers and every partition: a policy on a
-- partitioned table does not guard its partitions when they are named directly, so no user role
-- may even look into that schema.
create schema if not exists smsgw;
revoke all on schema smsgw from public;

-- Before anything is half done: views that read with the rights of their reader are needed.
do $$
begin
    if current_setting('server_version_num')::integer < 150000 then
        raise exception 'smsgw needs PostgreSQL 15 or newer, this is %', current_setting('server_version');
    end if;
end
$$;

-- Roles belong to the whole server, and several databases may be migrated at once: a role that
-- somebody else has just made is as good as one made here.
do $$
declare
    wanted text;
begin
    foreach wanted in array array['smsgw_app', 'smsgw_enqueue', 'smsgw_user'] loop
        if not exists (select from pg_roles where rolname = wanted) then
            begin
                execute format('create role %I nologin nobypassrls', wanted);
            exception when duplicate_object or unique_violation then
                null;
            end;
        end if;
    end loop;
    -- The gateway connects as whoever `DATABASE_URL` names and then gives its rights up. From
    -- Postgres 16 on, whoever makes a role is its member but may not yet become it.
    if not pg_has_role(current_user, 'smsgw_app',
        case when current_setting('server_version_num')::integer >= 160000 then 'set' else 'member' end)
    then
        begin
            execute format('grant smsgw_app to %I', current_user);
        exception when unique_violation then
            null;
        end;
    end if;
end
$$;

comment on schema smsgw is 'Internals of the SMS gateway: outbox, workers, partitions, keys. Closed to user roles.';

-- The smallest uuid that a version 7 id made at `at` can have: the bound between two partitions,
-- and the way to ask for "messages since".
create function smsgw.uuid_floor(at timestamptz) returns uuid
    language sql immutable strict parallel safe
    return (lpad(to_hex(floor(extract(epoch from at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid;

-- The time inside a version 7 uuid, to the millisecond.
create function smsgw.uuid_time(id uuid) returns timestamptz
    language sql immutable strict parallel safe
    return to_timestamp(('x' || left(translate(id::text, '-', ''), 12))::bit(48)::bigint / 1000.0);

grant usage on schema smsgw to smsgw_app;
grant execute on function smsgw.uuid_floor(timestamptz), smsgw.uuid_time(uuid) to smsgw_app;
