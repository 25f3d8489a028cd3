-- Providers an operator has set up. Those of the environment are not stored.
create table public.api_integrations (
    name               text        not null,
    kind               text        not null,
    priority           integer     not null default 100,
    enabled            boolean     not null default true,
    lanes              text[]      not null default '{otp,transactional,promo}',
    countries          text[],
    max_per_second     integer,
    max_in_flight      integer,
    sender             text,
    settings           jsonb       not null default '{}',
    sealed_credentials bytea       not null,
    created_at         timestamptz not null default clock_timestamp(),
    updated_at         timestamptz not null default clock_timestamp(),
    constraint api_integrations_pkey primary key (name),
    constraint api_integrations_name_is_plain check (name ~ '^[a-z0-9][a-z0-9_-]{0,39}$'),
    constraint api_integrations_lanes_known check (lanes <@ '{otp,transactional,promo}' and lanes <> '{}'),
    constraint api_integrations_rate_positive check (max_per_second > 0),
    constraint api_integrations_in_flight_positive check (max_in_flight > 0)
);
comment on column public.api_integrations.countries is 'ISO 3166 codes this provider may serve; null means all.';
comment on column public.api_integrations.sealed_credentials is 'JSON, XChaCha20-Poly1305, bound to this row; the key is outside the database.';

-- What all workers share about a provider: its pause and the tokens of the present time slice.
create table smsgw.sms_provider_state (
    provider_name text        not null,
    paused_until  timestamptz,
    pauses        smallint    not null default 0,
    slice         bigint      not null default 0,
    slice_used    integer     not null default 0,
    slice_granted integer     not null default 0,
    constraint sms_provider_state_pkey primary key (provider_name)
);
comment on column smsgw.sms_provider_state.pauses is 'Throttled answers in a row: the exponent of the next pause.';
comment on column smsgw.sms_provider_state.slice is 'Begin, in ms since 1970, of the slice that slice_used counts.';
comment on column smsgw.sms_provider_state.slice_granted is 'What the last lease got of it.';

create table public.sms_templates (
    name               text        not null,
    locale             text        not null default '',
    lane               text        not null default 'transactional',
    body               text        not null,
    sender             text,
    dlt_entity_id      text,
    dlt_template_id    text,
    provider_templates jsonb       not null default '{}',
    updated_at         timestamptz not null default clock_timestamp(),
    constraint sms_templates_pkey primary key (name, locale),
    constraint sms_templates_name_is_plain check (name ~ '^[A-Za-z0-9_.-]{1,64}$'),
    constraint sms_templates_lane_known check (lane in ('otp', 'transactional', 'promo'))
);
comment on column public.sms_templates.locale is 'BCP 47 tag; the empty string is the default for all others.';
comment on column public.sms_templates.provider_templates is 'By provider name: that vendor''s template id and the order of our variables in it.';

create table public.user_contact_settings (
    user_id            text        not null,
    phone              text,
    otp_enabled        boolean     not null default false,
    preferred_provider text,
    updated_at         timestamptz not null default clock_timestamp(),
    constraint user_contact_settings_pkey primary key (user_id),
    constraint user_contact_settings_phone_is_e164 check (phone ~ '^\+[1-9][0-9]{1,14}$')
);

-- Who said stop. Read by the claim, in the transaction that decides to send.
create table smsgw.sms_opt_outs (
    phone      text        not null,
    scope      text        not null default 'marketing',
    source     text        not null,
    created_at timestamptz not null default clock_timestamp(),
    constraint sms_opt_outs_pkey primary key (phone, scope),
    constraint sms_opt_outs_phone_is_e164 check (phone ~ '^\+[1-9][0-9]{1,14}$'),
    constraint sms_opt_outs_scope_known check (scope in ('marketing', 'all'))
);
comment on column smsgw.sms_opt_outs.scope is 'marketing stops promo; all stops transactional too. A code that its owner asks for is never stopped.';

-- What the sandbox provider "delivered". Development only, kept short, not worth surviving a crash.
create unlogged table smsgw.sandbox_inbox (
    id          bigint      not null generated always as identity,
    message_id  uuid        not null,
    "to"        text        not null,
    lane        text        not null,
    sender      text,
    text        text        not null,
    received_at timestamptz not null default clock_timestamp(),
    constraint sandbox_inbox_pkey primary key (id)
);

grant select, insert, update, delete on
    public.api_integrations, smsgw.sms_provider_state, public.sms_templates,
    public.user_contact_settings, smsgw.sms_opt_outs, smsgw.sandbox_inbox to smsgw_app;
