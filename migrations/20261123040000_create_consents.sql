-- The consent ledger: whatever anybody said of what they want, in its order, with where it is known from. Rows are added
-- and never changed; the present state, which the claim reads, stands in sms_opt_outs, written in the same transaction.
create table smsgw.sms_consents (
    id     bigint      not null generated always as identity,
    phone  text        not null,
    scope  text        not null,
    sender text        not null default '',
    action text        not null,
    source text        not null,
    proof  text,
    at     timestamptz not null default clock_timestamp(),
    constraint sms_consents_pkey primary key (id),
    constraint sms_consents_scope_known check (scope in ('marketing', 'all', 'sender')),
    constraint sms_consents_sender_is_of_its_scope check ((scope = 'sender') = (sender <> '')),
    constraint sms_consents_action_known check (action in ('opt_out', 'opt_in'))
);
comment on table  smsgw.sms_consents is 'Who stopped what and who lifted it, append-only: the evidence.';
comment on column smsgw.sms_consents.sender is 'Of scope sender: whose messages. Else empty.';
comment on column smsgw.sms_consents.source is 'Who told us: inbound:<provider>, provider:<name>, link, api, an import.';
comment on column smsgw.sms_consents.proof is 'What shows it: the vendor''s id of the text, a form, a file.';
comment on column smsgw.sms_consents.at is 'When it was said; of what came later as a list, when the list says it was.';

create index sms_consents_phone on smsgw.sms_consents (phone, id);

-- Nobody but an administrator rewrites evidence.
grant select, insert on smsgw.sms_consents to smsgw_app;

insert into smsgw.sms_consents (phone, scope, action, source, at)
select phone, scope, 'opt_out', source, created_at from smsgw.sms_opt_outs order by created_at;

-- A person may stop one sender and keep the others.
alter table smsgw.sms_opt_outs
    add column sender text not null default '',
    add column proof text,
    drop constraint sms_opt_outs_scope_known,
    add constraint sms_opt_outs_scope_known check (scope in ('marketing', 'all', 'sender')) not valid,
    add constraint sms_opt_outs_sender_is_of_its_scope check ((scope = 'sender') = (sender <> '')) not valid;
comment on column smsgw.sms_opt_outs.scope is
    'marketing stops promo; all stops transactional too; sender stops both, but of one sender. A code that its owner asks for is never stopped.';
comment on column smsgw.sms_opt_outs.sender is 'Of scope sender: whose messages. Else empty.';
comment on column smsgw.sms_opt_outs.proof is 'What shows it, as in the ledger.';
