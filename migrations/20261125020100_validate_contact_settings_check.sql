-- Reads every user's settings, under a lock beside which they are read and written.
alter table public.user_contact_settings validate constraint user_contact_settings_two_factor_method_known;
