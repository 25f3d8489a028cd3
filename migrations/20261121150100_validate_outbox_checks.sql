alter table smsgw.sms_outbox validate constraint sms_outbox_otp_is_sealed;
