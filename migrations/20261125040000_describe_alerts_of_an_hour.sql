-- A cap of an hour is told of once an hour: until now it was once a day, like the others. The words alone change; programs of
-- the last release go on noting days, and post whatever there is.
comment on column smsgw.sms_spend_alerts.subject is 'What the cap counted: a day, an hour (2026-11-22T09:00:00Z), or a campaign.';
