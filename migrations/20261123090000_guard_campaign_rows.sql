-- What came by SQL was only known to be an object. A number that no program can read, or a row of megabytes, must be
-- refused where it is written: the feeder has to read it.
create or replace function public.sms_campaign_add(campaign uuid, "to" text, variables jsonb default null) returns void
    language plpgsql volatile
    security definer
    set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    number constant text := regexp_replace(regexp_replace("to", '[\s()./-]', '', 'g'), '^00', '+');
    state  text;
begin
    if number is null or number !~ '^\+[1-9][0-9]{6,14}$' then
        raise exception 'sms_campaign_add: "to" is not a phone number'
            using errcode = 'invalid_parameter_value', column = 'to',
                  hint = 'Write it with its country code, for example +41790000001.';
    end if;
    if jsonb_typeof(variables) <> 'object' then
        raise exception 'sms_campaign_add: "variables" must be an object'
            using errcode = 'invalid_parameter_value', column = 'variables',
                  hint = 'Write {"name": "value"}, or leave it out.';
    end if;
    if exists (select from jsonb_each(variables) v where jsonb_typeof(v.value) not in ('string', 'number', 'boolean'))
        or octet_length(variables::text) > 16384 then
        raise exception 'sms_campaign_add: "variables" must be texts, numbers or true and false, of 16 kB in all'
            using errcode = 'invalid_parameter_value', column = 'variables',
                  hint = 'Write {"name": "value"}, with what the text needs.';
    end if;
    select status into state from public.sms_campaigns where id = campaign;
    if state is null then
        raise exception 'sms_campaign_add: there is no such campaign'
            using errcode = 'foreign_key_violation', column = 'campaign',
                  hint = 'POST /sms/campaigns or smsgw campaign create gives the id of a new one.';
    end if;
    if state = 'cancelled' then
        raise exception 'sms_campaign_add: the campaign is cancelled'
            using errcode = 'object_not_in_prerequisite_state', column = 'campaign', hint = 'Make another campaign.';
    end if;
    insert into smsgw.sms_campaign_staged (campaign_id, phone, variables) values (campaign, number, variables);
end
$$;
