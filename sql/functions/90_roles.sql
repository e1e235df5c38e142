-- Roles: palate_owner migrates, palate_app serves, palate_read is for people at psql. They are
-- made where the migrating role may make roles, and granted what exists at each migration.
CREATE OR REPLACE FUNCTION make_roles() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    schema_name text := current_schema();
    role_name text;
BEGIN
    IF (SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        FOREACH role_name IN ARRAY ARRAY['palate_owner', 'palate_app', 'palate_read'] LOOP
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
            END IF;
        END LOOP;
    END IF;
    IF (SELECT count(*) FROM pg_roles WHERE rolname IN ('palate_owner', 'palate_app', 'palate_read')) < 3 THEN
        RETURN;
    END IF;
    -- Nothing is granted twice: GRANT writes the catalog rows that a running load writes too.
    IF has_table_privilege('palate_app', 'ratings', 'INSERT') AND NOT EXISTS (
        SELECT FROM pg_class c
        WHERE c.relnamespace = schema_name::regnamespace AND c.relkind IN ('r', 'm', 'v')
          AND NOT (has_table_privilege('palate_read', c.oid, 'SELECT')
                   AND has_table_privilege('palate_owner', c.oid, 'TRUNCATE'))
    ) THEN
        RETURN;
    END IF;
    EXECUTE format('GRANT ALL ON SCHEMA %I TO palate_owner', schema_name);
    EXECUTE format('GRANT ALL ON ALL TABLES IN SCHEMA %I TO palate_owner', schema_name);
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO palate_app, palate_read', schema_name);
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO palate_app, palate_read', schema_name);
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON ratings, tags, users, user_factors TO palate_app');
END $$;
