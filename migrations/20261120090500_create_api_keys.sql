-- Who may call. Only an HMAC of each key is stored; the pepper is outside the database.
create table smsgw.api_keys (
    id              integer     not null generated always as identity,
    name            text        not null,
    prefix          text        not null,
    mac             bytea       not null,
    scopes          text[]      not null,
    created_at      timestamptz not null default clock_timestamp(),
    last_used_at    timestamptz,
    revoked_at      timestamptz,
    constraint api_keys_pkey primary key (id),
    constraint api_keys_mac_unique unique (mac),
    -- What a terminal shows as it is.
    constraint api_keys_name_is_plain check (
        char_length(name) between 1 and 64 and name = btrim(name) and name !~ '[[:cntrl:]]'
    ),
    constraint api_keys_scopes_known check (scopes <@ '{send,otp,read,admin}' and scopes <> '{}')
);
comment on column smsgw.api_keys.prefix is 'The first characters, to tell keys apart in a list.';
-- A name is free again once its key is revoked.
create unique index api_keys_name_live on smsgw.api_keys (name) where revoked_at is null;

-- Answers given to requests that carried an Idempotency-Key, written in the transaction that did
-- the work: either both exist or neither does.
create table smsgw.idempotency_keys (
    api_key_id   integer     not null,
    key          text        not null,
    request_hash bytea       not null,
    status       smallint    not null,
    answer       text        not null,
    created_at   timestamptz not null default clock_timestamp(),
    constraint idempotency_keys_pkey primary key (api_key_id, key)
);
comment on column smsgw.idempotency_keys.answer is 'The body as it was sent; jsonb would reorder it.';
comment on column smsgw.idempotency_keys.request_hash is 'SHA-256 of method, path and body: the same key with another request is refused.';
create index idempotency_keys_age on smsgw.idempotency_keys (created_at);

grant select, insert, update, delete on smsgw.api_keys, smsgw.idempotency_keys to smsgw_app;
