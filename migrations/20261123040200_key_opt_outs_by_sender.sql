-- One person may have stopped several senders. The index is there already, so this holds up nobody.
alter table smsgw.sms_opt_outs
    drop constraint sms_opt_outs_pkey,
    add constraint sms_opt_outs_pkey primary key using index sms_opt_outs_subject;
