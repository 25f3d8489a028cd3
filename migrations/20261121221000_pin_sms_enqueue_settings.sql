-- What a key stands for is compared as text, and a time is written in the session's time zone, an interval in its style:
-- the same call from another session was refused as another message. Both are the function's own from now on.
-- As its owner: the login may be a member of that role without its rights.
set local role smsgw_app;
alter function public.sms_enqueue set timezone = 'UTC';
alter function public.sms_enqueue set intervalstyle = 'postgres';
reset role;
