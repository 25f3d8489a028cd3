-- What countries ask of texts, as data: an operator enables, disables and changes them without a release. Nothing is asked
-- until a country is enabled. A change is a new version, never an edit: a refusal names the version it was made by, and
-- what that said can be read as long as the table stands.
create table smsgw.sms_country_rules (
    country     text        not null,
    version     integer     not null,
    enabled     boolean     not null default false,
    promo_hours text,
    senders     text[],
    dlt         boolean     not null default false,
    source      text,
    created_at  timestamptz not null default clock_timestamp(),
    constraint sms_country_rules_pkey primary key (country, version),
    constraint sms_country_rules_country_is_a_code check (country ~ '^[A-Z]{2}$'),
    constraint sms_country_rules_version_positive check (version > 0),
    constraint sms_country_rules_hours_readable check (
        promo_hours ~ '^((mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|wed|thu|fri|sat|sun))? [0-2]\d:[0-5]\d-[0-2]\d:[0-5]\d(; |$))+$'),
    constraint sms_country_rules_senders_known check (
        senders <@ '{alphanumeric,number,short_code}' and senders <> '{}'),
    constraint sms_country_rules_dlt_is_indian check (not dlt or country = 'IN')
);
comment on table smsgw.sms_country_rules is 'The highest version of a country is in force, if it is enabled.';
comment on column smsgw.sms_country_rules.promo_hours is 'When promo may arrive, by the reader''s clock: mon-sat 08:00-22:00; null for always.';
comment on column smsgw.sms_country_rules.senders is 'Kinds of senders that are carried; null for all.';
comment on column smsgw.sms_country_rules.dlt is 'Business, header and text must be those of India''s registry.';
comment on column smsgw.sms_country_rules.source is 'Where this was read, and when.';

insert into smsgw.sms_country_rules (country, version, promo_hours, senders, dlt, source) values
    ('IN', 1, 'mon-sun 10:00-21:00', null, true,
     'TRAI TCCCPR 2018 and operators'' DLT; hours: sources say 9 or 10 to 21, the narrower holds (2026-11)'),
    ('US', 1, 'mon-sun 08:00-21:00', '{number,short_code}', false,
     '47 CFR 64.1200(c)(1): 8 to 21 local time; operators carry no alphanumeric senders (2026-11)'),
    ('CA', 1, 'mon-sun 09:00-21:00', '{number,short_code}', false,
     'CASL names no hours, 9 to 21 is usual practice; operators carry no alphanumeric senders (2026-11)'),
    ('GB', 1, 'mon-sun 08:00-20:00', null, false, 'No law names hours, 8 to 20 is usual practice (2026-11)'),
    ('FR', 1, 'mon-sat 08:00-22:00', null, false,
     'Operators stop marketing at night and on Sundays; public holidays are not known here (2026-11)');

-- Append-only: no update, no delete.
grant select, insert on smsgw.sms_country_rules to smsgw_app;

-- The text as the registry has it, which what is sent must match character for character.
alter table public.sms_templates add column dlt_text text;
comment on column public.sms_templates.dlt_text is 'India: the registered text, each variable written {#var#}.';
