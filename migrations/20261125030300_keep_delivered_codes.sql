-- A resend that the guard withholds leaves the code good that was sent before. Its session goes on as if another had been
-- sent, or its end would tell pages which resends are withheld; the code itself lives no longer.
alter table public.sms_otp_sessions add column code_expires_at timestamptz;
comment on column public.sms_otp_sessions.code_expires_at is 'When its code is worth nothing, if that is before expires_at.';
