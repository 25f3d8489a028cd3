-- What each provider charges for a segment to each country, so that a bill is known before a cent is spent. Vendors tell
-- their prices as lists; an operator imports them, and nothing is charged by them: they only estimate.
create table smsgw.sms_prices (
    provider   text           not null,
    country    text           not null,
    price      numeric(12, 6) not null,
    currency   text           not null,
    updated_at timestamptz    not null default clock_timestamp(),
    constraint sms_prices_pkey primary key (provider, country),
    constraint sms_prices_provider_is_plain check (provider ~ '^[a-z0-9][a-z0-9_-]{0,39}$'),
    constraint sms_prices_country_is_a_code check (country ~ '^[A-Z]{2}$'),
    constraint sms_prices_price_not_negative check (price >= 0),
    constraint sms_prices_currency_is_a_code check (currency ~ '^[A-Z]{3}$')
);
comment on column smsgw.sms_prices.provider is 'A name as in api_integrations, or of the environment; it may be gone there.';
comment on column smsgw.sms_prices.country is 'ISO 3166-1 alpha-2.';
comment on column smsgw.sms_prices.price is 'For one segment, exactly; programs read it as millionths.';
comment on column smsgw.sms_prices.currency is 'ISO 4217.';
comment on column smsgw.sms_prices.updated_at is 'When this price came to be another; an import that repeats it leaves it.';

grant select, insert, update, delete on smsgw.sms_prices to smsgw_app;
