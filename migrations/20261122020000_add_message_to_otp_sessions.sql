-- A session may have sent several codes, and what became of an older one says nothing about it any more: above all, who
-- made that code and can check it. So a session knows the message that carries its newest code. Null in rows that were
-- started before this column, or by an API of the last release: those go on as before.
alter table public.sms_otp_sessions add column message_id uuid;

comment on column public.sms_otp_sessions.message_id is 'The message with the newest code; null if unknown.';
comment on column public.sms_otp_sessions.provider_name is 'Who took the newest code.';
comment on column public.sms_otp_sessions.provider_session_id is
    'The vendor''s session, if that provider made the code: then it checks it. Null if the code is ours.';
