-- What no provider took was not sent either: the worker says so, and the guard takes back what it had counted.
comment on column smsgw.guard_decisions.is_sent is 'False where the decision was enforced, and where no provider took the code.';
