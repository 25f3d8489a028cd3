-- Texts that carry a code which the application itself checks: the guard judges them as it judges codes, and more tightly
-- until the application reports which of them were typed in. For such a text session_id is the id of its message.
alter table smsgw.guard_decisions add column api_key_id integer;
comment on column smsgw.guard_decisions.session_id is 'The session; of a guarded text its message.';
comment on column smsgw.guard_decisions.api_key_id is 'Of a guarded text: the key that sent it.';

create table smsgw.guard_reporters (
    api_key_id  integer     not null,
    reported_at timestamptz not null default clock_timestamp(),
    constraint guard_reporters_pkey primary key (api_key_id)
) with (fillfactor = 50);
comment on table smsgw.guard_reporters is 'When a key last reported that a guarded text came back.';

create table smsgw.guard_unmeasured (
    api_key_id integer     not null,
    prefix     text        not null collate "C",
    hour       timestamptz not null,
    sent       integer     not null,
    constraint guard_unmeasured_pkey primary key (api_key_id, prefix)
) with (fillfactor = 50);
comment on table  smsgw.guard_unmeasured is 'Guarded texts that a key asked for within an hour while it reports none.';
comment on column smsgw.guard_unmeasured.prefix is 'Empty: all together.';
create index guard_unmeasured_hour on smsgw.guard_unmeasured (hour);

grant select, insert, update, delete on smsgw.guard_reporters, smsgw.guard_unmeasured to smsgw_app;
