-- What codes may cost. Their caps stand beside those of campaigns, in words of their own: a worker of the last release
-- cannot read them, so they are set once all are of this one. What codes cost is counted apart, by the hour.
alter table smsgw.sms_spend_caps
    drop constraint sms_spend_caps_scope_known,
    drop constraint sms_spend_caps_country_named,
    add constraint sms_spend_caps_scope_known check (
        scope in ('day', 'country', 'campaign', 'codes_day', 'codes_hour', 'codes_country')),
    add constraint sms_spend_caps_country_named check (
        (scope in ('country', 'codes_country')) = (country is not null));
comment on column smsgw.sms_spend_caps.scope is 'day: all campaigns of a day (UTC); country: those of a day to one country; campaign: each campaign by itself, beside its own budget; codes_day, codes_hour, codes_country: codes of a day, of an hour, of a day to one country.';

create table smsgw.codes_spend (
    hour     timestamptz not null,
    country  text        not null,
    currency text        not null,
    micros   bigint      not null default 0,
    segments bigint      not null default 0,
    constraint codes_spend_pkey primary key (hour, country, currency),
    constraint codes_spend_not_negative check (micros >= 0 and segments >= 0)
) with (fillfactor = 50);
comment on table  smsgw.codes_spend is 'What codes cost, by the prices known then; written only while there is a cap for them.';
comment on column smsgw.codes_spend.hour is 'Its begin.';
comment on column smsgw.codes_spend.country is 'ISO 3166 code; empty for numbers of no country.';
comment on column smsgw.codes_spend.currency is 'ISO 4217 code; empty for segments whose price was not known.';
comment on column smsgw.codes_spend.micros is 'Millionths of the currency''s unit.';
grant select, insert, update, delete on smsgw.codes_spend to smsgw_app;
