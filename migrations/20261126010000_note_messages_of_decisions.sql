-- What no provider took was not sent: the worker says so, and the guard takes back what it had counted for it. A session has a
-- decision for each of its codes, so each says which message it was made for.
alter table smsgw.guard_decisions add column message_id uuid;
comment on column smsgw.guard_decisions.message_id is 'The message that it was made for; null before this column, and once the person was forgotten.';
comment on column smsgw.guard_decisions.is_sent is 'False where the decision was enforced, and where no provider took the code.';
