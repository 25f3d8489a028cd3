-- The SQL door: an application asks for a message in its own transaction. If that is committed the
-- message is sent, if it is rolled back there is none. No NOTIFY: it would make commits wait for
-- each other; a worker that polls finds the row within 25 ms.

-- Answers given to callers that named a key, so that a repetition gets the first one's message.
create table smsgw.sms_enqueue_keys (
    caller       name        not null,
    key          text        not null,
    request_hash bytea       not null,
    message_id   uuid        not null,
    created_at   timestamptz not null default clock_timestamp(),
    constraint sms_enqueue_keys_pkey primary key (caller, key),
    constraint sms_enqueue_keys_key_length check (char_length(key) between 1 and 255)
);
comment on table smsgw.sms_enqueue_keys is 'Idempotency keys of sms_enqueue, kept for 24 hours; each database role has its own.';
create index sms_enqueue_keys_created on smsgw.sms_enqueue_keys (created_at);
grant select, insert, update, delete on smsgw.sms_enqueue_keys to smsgw_app;

-- A version 7 uuid (RFC 9562 §5.7) of this moment: partitions and cursors read the time in it.
create function smsgw.new_message_id() returns uuid
    language sql volatile parallel safe
    return encode(
        set_bit(set_bit(
            overlay(uuid_send(gen_random_uuid())
                    placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
                    from 1 for 6),
            52, 1), 53, 1),
        'hex')::uuid;

-- Segments a text is billed as: GSM-7 (3GPP TS 23.038 §6.2.1) where every character fits, else
-- UCS-2; a character of two units never spans two parts. The gateway's own count, once more.
create function smsgw.count_segments(text text) returns integer
    language plpgsql immutable strict parallel safe
    set search_path = pg_catalog, pg_temp
as $$
declare
    gsm_one constant text := e'\n\r !"#$%&''()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ'
        'abcdefghijklmnopqrstuvwxyz_£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡¿§ÄÖÑÜäöñüà';
    gsm_two constant text := e'\f^{}\\[~]|€';
    is_gsm  constant boolean := translate(text, gsm_one || gsm_two, '') = '';
    alone   constant integer := case when is_gsm then 160 else 70 end;
    part    constant integer := case when is_gsm then 153 else 67 end;
    long    constant integer := case
        when is_gsm then char_length(text)
            - char_length(translate(text, gsm_two, ''))
        else char_length(text)
            - char_length(regexp_replace(text, U&'[\+010000-\+10FFFF]', '', 'g'))
    end;
    units   constant integer := char_length(text) + long;
    parts   integer := 1;
    used    integer := 0;
    size    integer;
begin
    if units <= alone then
        return 1;
    end if;
    for size in
        select case
            when is_gsm then case when strpos(gsm_two, c) > 0 then 2 else 1 end
            else case when ascii(c) > 65535 then 2 else 1 end
        end
        from regexp_split_to_table(text, '') as c
    loop
        used := used + size;
        if used > part then
            parts := parts + 1;
            used := size;
        end if;
    end loop;
    return parts;
end
$$;

-- Makes `key` stand for the message `id`, unless it already stands for another: says which. Waits for
-- a transaction that is using the key at this moment.
create function smsgw.claim_enqueue_key(key text, id uuid, request jsonb) returns uuid
    language plpgsql volatile
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    hash  constant bytea := sha256(convert_to(request::text, 'UTF8'));
    known record;
begin
    insert into smsgw.sms_enqueue_keys as k (caller, key, request_hash, message_id)
    values (session_user, key, hash, id)
    on conflict on constraint sms_enqueue_keys_pkey do update
    set request_hash = excluded.request_hash, message_id = excluded.message_id, created_at = excluded.created_at
    where k.created_at < clock_timestamp() - interval '24 hours';
    if found then
        return id;
    end if;
    select k.request_hash, k.message_id into known from smsgw.sms_enqueue_keys k
    where k.caller = session_user and k.key = claim_enqueue_key.key;
    if known.request_hash is distinct from hash then
        raise exception 'sms_enqueue: "idempotency_key" was used for another message'
            using errcode = 'unique_violation', column = 'idempotency_key', hint = 'Use one key for one message.';
    end if;
    return known.message_id;
end
$$;

create function public.sms_enqueue(
    "to"            text,
    body            text,
    lane            text default 'transactional',
    user_id         text default null,
    sender          text default null,
    provider_hint   text default null,
    send_at         timestamptz default null,
    expires_in      interval default null,
    at_most_once    boolean default false,
    idempotency_key text default null
) returns uuid
    language plpgsql volatile
    security definer
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    -- Spelling is repaired, meaning is not: without a country code nobody knows whose number it is.
    number constant text := regexp_replace(
        regexp_replace("to", '[\s()./-]', '', 'g'), '^00', '+');
    clock  constant timestamptz := clock_timestamp();
    starts constant timestamptz := greatest(send_at, clock);
    usual  constant interval := case lane when 'promo' then interval '24 hours' else interval '4 hours' end;
    life   constant interval := coalesce(expires_in, usual);
    id     constant uuid := smsgw.new_message_id();
    fault  record;
    first  uuid;
begin
    select f.* into fault from (values
        ('to', number !~ '^\+[1-9][0-9]{6,14}$', 'is not a phone number',
            'Write it with its country code, for example +41790000001.'),
        ('body', body !~ '[^[:space:]]', 'is empty', 'Write at least one visible character.'),
        ('body', translate(body, e'\n\r\t', '') ~ '[[:cntrl:]]', 'has control characters',
            'Only line ends and tabs are allowed.'),
        ('body', case when char_length(body) > 1530 then true else smsgw.count_segments(body) > 10 end,
            'is longer than 10 segments',
            'That is 1530 characters of the GSM alphabet, or 670 others.'),
        ('lane', lane not in ('transactional', 'promo'), 'must be transactional or promo',
            'Codes are made by POST /otp/send: the database cannot seal them.'),
        ('user_id', octet_length(user_id) not between 1 and 128 or user_id ~ '[[:cntrl:]]',
            'cannot be used', 'It is 1 to 128 bytes without control characters.'),
        ('sender', sender !~ '^(\+[1-9][0-9]{6,14}|[0-9]{3,8}|(?=.*[A-Za-z])[A-Za-z0-9]([A-Za-z0-9 ]{0,9}[A-Za-z0-9])?)$',
            'is no sender', 'A number, a short code, or up to 11 letters, digits and spaces.'),
        ('provider_hint', provider_hint !~ '^[a-z0-9_-]{1,40}$', 'is no name of a provider',
            'Names are 1 to 40 of a-z, 0-9, _ and -.'),
        ('send_at', send_at < clock - interval '60 seconds', 'is in the past', 'Leave it out to send now.'),
        ('send_at', send_at > clock + interval '30 days', 'is more than 30 days ahead',
            'Plan it in your own tables until then.'),
        ('expires_in', life not between interval '5 seconds' and interval '3 days', 'cannot be used',
            'It is 5 seconds to 3 days.'),
        ('idempotency_key', char_length(idempotency_key) not between 1 and 255,
            'cannot be used', 'It is 1 to 255 characters.')
    ) as f (field, is_bad, message, hint)
    -- What may not be left out is bad when it is null, what may is not.
    where coalesce(f.is_bad, f.field in ('to', 'body', 'lane'))
    limit 1;
    if found then
        raise exception 'sms_enqueue: "%" %', fault.field, fault.message
            using errcode = 'invalid_parameter_value', column = fault.field, hint = fault.hint;
    end if;

    if idempotency_key is not null then
        first := smsgw.claim_enqueue_key(idempotency_key, id, jsonb_build_array(
            number, body, lane, user_id, sender, provider_hint, send_at, expires_in, at_most_once));
        if first <> id then
            return first;
        end if;
    end if;
    insert into smsgw.sms_outbox (id, lane, due_at, expires_at, "to", body, segments, sender, hint, preferred,
                                  at_most_once, user_id)
    values (id, lane, greatest(send_at, clock_timestamp()), starts + life, number, body,
            smsgw.count_segments(body), sender, provider_hint,
            (select s.preferred_provider from public.user_contact_settings s where s.user_id = sms_enqueue.user_id),
            coalesce(at_most_once, false), user_id);
    return id;
end
$$;

-- It runs with the gateway's rights, not with those of whoever migrated, who may be a superuser.
grant create on schema public to smsgw_app;
alter function public.sms_enqueue owner to smsgw_app;
revoke create on schema public from smsgw_app;
revoke all on function public.sms_enqueue, smsgw.claim_enqueue_key, smsgw.new_message_id, smsgw.count_segments
    from public;
grant execute on function smsgw.claim_enqueue_key, smsgw.new_message_id, smsgw.count_segments to smsgw_app;
grant execute on function public.sms_enqueue to smsgw_enqueue;
comment on function public.sms_enqueue is 'Asks for a message in the caller''s own transaction; returns its id. Grant the role smsgw_enqueue to whoever may.';
