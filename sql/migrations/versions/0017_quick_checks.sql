-- A regular expression for each rating is a seventh of what writing many takes: almost all are of the
-- profile main. (The same holds as before: not read again under a lock.)
ALTER TABLE ratings DROP CONSTRAINT ratings_profile_check, ADD CONSTRAINT ratings_profile_check
    CHECK (profile = 'main' OR profile ~ '^[a-z0-9_-]{1,40}$') NOT VALID;
ALTER TABLE events DROP CONSTRAINT events_profile_check, ADD CONSTRAINT events_profile_check
    CHECK (profile = 'main' OR profile ~ '^[a-z0-9_-]{1,40}$') NOT VALID;
