-- What campaigns may cost. Money is reserved in the transaction that makes the messages, so a limit is met by what is
-- asked for, not by a bill that comes later.
create table smsgw.sms_spend (
    day      date   not null,
    country  text   not null,
    currency text   not null,
    micros   bigint not null default 0,
    segments bigint not null default 0,
    constraint sms_spend_pkey primary key (day, country, currency),
    constraint sms_spend_not_negative check (micros >= 0 and segments >= 0)
) with (fillfactor = 50);
comment on table  smsgw.sms_spend is 'What the messages that campaigns made on a day cost, by the prices known then.';
comment on column smsgw.sms_spend.day is 'In UTC.';
comment on column smsgw.sms_spend.country is 'ISO 3166 code; empty for numbers of no country.';
comment on column smsgw.sms_spend.currency is 'ISO 4217 code; empty for segments whose price was not known.';
comment on column smsgw.sms_spend.micros is 'Millionths of the currency''s unit.';

create table smsgw.sms_campaign_spend (
    campaign_id uuid   not null,
    currency    text   not null,
    micros      bigint not null default 0,
    segments    bigint not null default 0,
    constraint sms_campaign_spend_pkey primary key (campaign_id, currency),
    constraint sms_campaign_spend_not_negative check (micros >= 0 and segments >= 0)
) with (fillfactor = 50);
comment on table smsgw.sms_campaign_spend is 'The same by campaign, over all its days.';

-- Limits, which an operator sets. Currencies are never added up: a cap counts what is spent in its own.
create table smsgw.sms_spend_caps (
    name       text        not null,
    scope      text        not null,
    country    text,
    micros     bigint      not null,
    currency   text        not null,
    thresholds smallint[]  not null default '{50,80,100}',
    updated_at timestamptz not null default clock_timestamp(),
    constraint sms_spend_caps_pkey primary key (name),
    constraint sms_spend_caps_name_is_plain check (name ~ '^[a-z][a-z0-9_-]{0,39}$' and name <> 'budget'),
    constraint sms_spend_caps_scope_known check (scope in ('day', 'country', 'campaign')),
    constraint sms_spend_caps_country_named check ((scope = 'country') = (country is not null)),
    constraint sms_spend_caps_country_is_a_code check (country ~ '^[A-Z]{2}$'),
    constraint sms_spend_caps_amount_positive check (micros > 0),
    constraint sms_spend_caps_currency_is_a_code check (currency ~ '^[A-Z]{3}$'),
    constraint sms_spend_caps_thresholds_are_shares check (
        cardinality(thresholds) <= 10 and 1 <= all (thresholds) and 100 >= all (thresholds))
);
comment on column smsgw.sms_spend_caps.name is 'Not budget: alerts call a campaign''s own limit so.';
comment on column smsgw.sms_spend_caps.scope is 'day: all campaigns of a day (UTC); country: those of a day to one country; campaign: each campaign by itself, beside its own budget.';
comment on column smsgw.sms_spend_caps.thresholds is 'Shares in percent that are told of when they are reached.';

-- What was told of caps, once each, and what is still to be posted to the alert's address.
create table smsgw.sms_spend_alerts (
    id          uuid        not null default gen_random_uuid(),
    cap         text        not null,
    subject     text        not null,
    limit_micros bigint     not null,
    threshold   smallint    not null,
    scope       text        not null,
    country     text,
    campaign_id uuid,
    currency    text        not null,
    spent_micros bigint     not null,
    reached_at  timestamptz not null default clock_timestamp(),
    due_at      timestamptz default clock_timestamp(),
    tries       smallint    not null default 0,
    constraint sms_spend_alerts_pkey primary key (cap, subject, limit_micros, threshold),
    constraint sms_spend_alerts_id_unique unique (id)
);
create index sms_spend_alerts_due on smsgw.sms_spend_alerts (due_at) where due_at is not null;
comment on column smsgw.sms_spend_alerts.subject is 'What the cap counted: a day, or a campaign.';
comment on column smsgw.sms_spend_alerts.limit_micros is 'The cap as it was: another amount is told of anew.';
comment on column smsgw.sms_spend_alerts.due_at is 'When it is posted next; null once it was taken, or given up.';

-- How often one person may get promo of campaigns, whichever they are. No row: as often as it comes.
create table smsgw.sms_frequency_cap (
    only_one     boolean     not null default true,
    most         smallint    not null,
    within_hours integer     not null,
    updated_at   timestamptz not null default clock_timestamp(),
    constraint sms_frequency_cap_pkey primary key (only_one),
    constraint sms_frequency_cap_single check (only_one),
    constraint sms_frequency_cap_most_bounded check (most between 1 and 100),
    constraint sms_frequency_cap_hours_bounded check (within_hours between 1 and 2160)
);

-- When campaigns texted somebody, as long as it counts; written only while there is a frequency cap.
create table smsgw.sms_promo_contacts (
    phone text          not null collate "C",
    times timestamptz[] not null,
    until timestamptz   not null,
    constraint sms_promo_contacts_pkey primary key (phone)
) with (fillfactor = 80);
create index sms_promo_contacts_until on smsgw.sms_promo_contacts (until);
comment on column smsgw.sms_promo_contacts.until is 'When the last of them counts no more.';

grant select, insert, update, delete on
    smsgw.sms_spend, smsgw.sms_campaign_spend, smsgw.sms_spend_caps, smsgw.sms_spend_alerts, smsgw.sms_frequency_cap,
    smsgw.sms_promo_contacts to smsgw_app;
