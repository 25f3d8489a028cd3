-- Keys for browsers. Such a key can be read by whoever opens the page, so it names the origins whose pages may use it
-- and is good for codes only. `origins` is null for servers' keys, also for those that the last release makes.
alter table smsgw.api_keys
    add column origins text[],
    -- As a browser writes an origin (RFC 6454 §6.2): scheme://host[:port], without path; `null` is none.
    add constraint api_keys_origins_are_origins check (
        array_to_string(origins, ' ', '') ~ '^[a-z][a-z0-9+.-]*://[^[:space:]/?#@]+( [a-z][a-z0-9+.-]*://[^[:space:]/?#@]+)*$'
    ),
    add constraint api_keys_publishable_for_codes_only check (origins is null or scopes = '{otp}'),
    -- What an end user asked for with a token of their own stands under the number 0.
    add constraint api_keys_id_is_positive check (id > 0);
comment on column smsgw.api_keys.origins is 'Origins of the pages that may use the key; null for a key of servers.';
