-- 007 is a name, and another than that of user 7.
ALTER TABLE user_names
    DROP CONSTRAINT user_names_name_check,
    ADD CONSTRAINT user_names_name_check
        CHECK (length(name) BETWEEN 1 AND 200 AND name !~ '^(0|[1-9][0-9]*)$');
