-- Receipts: what a vendor reports of a message after it took it. They come in any order, twice, and sometimes before
-- the answer to the call itself. What can be applied is written to the log at once; only a receipt whose message is
-- still being sent waits here until the message has left the outbox.
create table smsgw.sms_receipts (
    message_id          uuid        not null,
    provider_name       text        not null,
    provider_message_id text        not null,
    status              text        not null,
    error_code          text,
    received_at         timestamptz not null default clock_timestamp(),
    -- One for each copy that a vendor holds: repeated receipts take no room.
    constraint sms_receipts_pkey primary key (message_id, provider_name, provider_message_id),
    constraint sms_receipts_status_known check (status in ('sent', 'delivered', 'undelivered'))
);
comment on table  smsgw.sms_receipts is 'Receipts that came before their message was written to the log; kept for a day at most.';
comment on column smsgw.sms_receipts.error_code is 'The vendor''s own code for why it was not delivered.';

create index sms_receipts_received on smsgw.sms_receipts (received_at);

alter table public.sms_messages_log add column receipt_code text, add column receipt_at timestamptz;
comment on column public.sms_messages_log.receipt_code is 'The vendor''s own code for why it was not delivered.';
comment on column public.sms_messages_log.receipt_at is 'When the receipt came that moved the status last.';

-- Inbound texts that changed somebody's consent, by the vendor's id: a request that is repeated, by the vendor or by
-- whoever recorded it, must not undo what the person said since.
create table smsgw.sms_inbound (
    provider_name       text        not null,
    provider_message_id text        not null,
    received_at         timestamptz not null default clock_timestamp(),
    constraint sms_inbound_pkey primary key (provider_name, provider_message_id)
);
comment on table smsgw.sms_inbound is 'Inbound STOP and START that were carried out; neither number nor text.';

create index sms_inbound_received on smsgw.sms_inbound (received_at);

grant select, insert, update, delete on smsgw.sms_receipts, smsgw.sms_inbound to smsgw_app;
