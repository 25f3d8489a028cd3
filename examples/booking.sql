-- A booking that texts its guest, in one transaction: if the booking is committed the text is sent, if it is
-- rolled back there is none. Run it against a gateway, for example one started by `cargo run`:
--
--     psql "$(cat .smsgw/database.url)" -f examples/booking.sql
--
-- Once, by an administrator: the application's role may ask for texts and nothing else of the gateway's.
create role shop;
grant smsgw_enqueue to shop;
create table bookings (
    id     bigint generated always as identity primary key,
    phone  text        not null,
    table_ integer     not null unique,
    at     timestamptz not null
);
grant select, insert on bookings to shop;

-- What the application does.
set role shop;
begin;
with booked as (
    insert into bookings (phone, table_, at) values ('+41 79 000 00 01', 7, now() + interval '1 day') returning *
)
select sms_enqueue(
           phone,
           format('Table %s is yours, %s.', table_, to_char(at, 'DD Mon HH24:MI')),
           user_id => 'guest-1',
           idempotency_key => 'booking-' || id
       ) as message_id
from booked;
commit;

-- The table is taken: the insert fails, and no text was asked for.
begin;
select sms_enqueue('+41790000002', 'Table 7 is yours.');
insert into bookings (phone, table_, at) values ('+41790000002', 7, now());
rollback;

-- A mistake is told as SQL tells mistakes, with the column and a hint.
select sms_enqueue('079 000 00 01', 'Table 7 is yours.');

-- What became of it, for whoever may look.
reset role;
select "to", type, status, text from sms_messages order by id desc limit 3;
drop table bookings;
drop role shop;
