-- A code that comes alone is decided by what its rows were a moment ago, and stored by one statement if they still are so.
create function smsgw.insist(holds boolean) returns boolean
    language plpgsql
as $$
begin
    if not holds then
        raise exception 'a row was changed since it was looked at' using errcode = 'serialization_failure';
    end if;
    return true;
end
$$;

comment on function smsgw.insist(boolean) is 'True, or the statement fails by serialization_failure and nothing of it was done.';

grant execute on function smsgw.insist(boolean) to smsgw_app;
