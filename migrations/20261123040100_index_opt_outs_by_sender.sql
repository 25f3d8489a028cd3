-- What will be the key of sms_opt_outs. Built in a step of its own: claims read on meanwhile, only a "stop" waits for it.
create unique index sms_opt_outs_subject on smsgw.sms_opt_outs (phone, scope, sender);
alter table smsgw.sms_opt_outs
    validate constraint sms_opt_outs_scope_known,
    validate constraint sms_opt_outs_sender_is_of_its_scope;
