-- One OTP challenge. The code is not here: only its HMAC, keyed by a pepper that the database
-- does not have and bound to this session, phone and purpose.
create table public.sms_otp_sessions (
    id                  uuid        not null,
    user_id             text,
    phone               text        not null,
    purpose             text        not null default 'login',
    provider_name       text,
    provider_session_id text,
    status              text        not null default 'pending',
    attempts            smallint    not null default 0,
    max_attempts        smallint    not null default 5,
    sends               smallint    not null default 1,
    code_mac            bytea,
    locale              text,
    hint                text,
    api_key_id          integer,
    resend_at           timestamptz not null,
    expires_at          timestamptz not null,
    created_at          timestamptz not null default clock_timestamp(),
    verified_at         timestamptz,
    constraint sms_otp_sessions_pkey primary key (id),
    constraint sms_otp_sessions_status_known check (status in (
        'pending', 'sent', 'verified', 'expired', 'locked', 'superseded', 'send_failed'
    )),
    constraint sms_otp_sessions_phone_is_e164 check (phone ~ '^\+[1-9][0-9]{1,14}$'),
    constraint sms_otp_sessions_attempts_capped check (attempts between 0 and max_attempts),
    constraint sms_otp_sessions_verified_once check ((status = 'verified') = (verified_at is not null))
);

comment on table public.sms_otp_sessions is 'OTP challenges; the id is random and is the caller''s proof that it started the session.';
comment on column public.sms_otp_sessions.attempts is 'Checks taken, right or wrong; an attempt is taken before the code is compared.';

create index sms_otp_sessions_user on public.sms_otp_sessions (user_id, status, expires_at);
-- The duty that ends sessions whose time is over looks at open ones only.
create index sms_otp_sessions_open on public.sms_otp_sessions (expires_at) where status in ('pending', 'sent');
create index sms_otp_sessions_phone on public.sms_otp_sessions (phone, created_at);

grant select, insert, update, delete on public.sms_otp_sessions to smsgw_app;
