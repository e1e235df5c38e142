-- Roles: palate_owner migrates, palate_app serves, palate_read is for people at psql. They are
-- made where the migrating role may make roles, and granted what exists at each migration.
-- Everything belongs to palate_owner, so that any member of it can migrate next.
CREATE OR REPLACE FUNCTION foreign_objects(schema_name text) RETURNS TABLE (change text)
LANGUAGE sql STABLE AS $$
WITH owner AS (SELECT oid FROM pg_roles WHERE rolname = 'palate_owner')
SELECT format('ALTER %s %s', CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'v' THEN 'VIEW'
                                            WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass)
FROM pg_class c, owner o
WHERE c.relnamespace = schema_name::regnamespace AND c.relkind IN ('r', 'm', 'v', 'S')
  AND c.relowner <> o.oid
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                                            AND d.objid = c.oid AND d.deptype IN ('e', 'a', 'i'))
UNION ALL
SELECT format('ALTER ROUTINE %s', p.oid::regprocedure)
FROM pg_proc p, owner o
WHERE p.pronamespace = schema_name::regnamespace AND p.proowner <> o.oid
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
                                            AND d.objid = p.oid AND d.deptype = 'e')
UNION ALL
SELECT format('ALTER TYPE %s', t.oid::regtype)
FROM pg_type t JOIN pg_class c ON c.oid = t.typrelid AND c.relkind = 'c', owner o
WHERE t.typnamespace = schema_name::regnamespace AND t.typowner <> o.oid
UNION ALL
SELECT format('ALTER TEXT SEARCH DICTIONARY %s', d.oid::regdictionary)
FROM pg_ts_dict d, owner o
WHERE d.dictnamespace = schema_name::regnamespace AND d.dictowner <> o.oid
UNION ALL
SELECT format('ALTER TEXT SEARCH CONFIGURATION %s', f.oid::regconfig)
FROM pg_ts_config f, owner o
WHERE f.cfgnamespace = schema_name::regnamespace AND f.cfgowner <> o.oid
$$;

CREATE OR REPLACE FUNCTION make_roles() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    schema_name text := current_schema();
    role_name text;
    change text;
BEGIN
    IF (SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        FOREACH role_name IN ARRAY ARRAY['palate_owner', 'palate_app', 'palate_read'] LOOP
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
                BEGIN
                    EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
                EXCEPTION WHEN duplicate_object OR unique_violation THEN
                    NULL;  -- made meanwhile for another database of this server
                END;
            END IF;
        END LOOP;
    END IF;
    IF (SELECT count(*) FROM pg_roles WHERE rolname IN ('palate_owner', 'palate_app', 'palate_read')) < 3 THEN
        RETURN;
    END IF;
    EXECUTE format('GRANT ALL ON SCHEMA %I TO palate_owner', schema_name);
    IF pg_has_role(current_user, 'palate_owner', 'MEMBER') THEN
        FOR change IN SELECT f.change FROM foreign_objects(schema_name) f LOOP
            EXECUTE change || ' OWNER TO palate_owner';
        END LOOP;
    END IF;
    -- Nothing is granted twice: GRANT writes the catalog rows that a running load writes too.
    IF has_table_privilege('palate_app', 'ratings', 'INSERT')
       AND NOT has_table_privilege('palate_read', 'llm_calls', 'SELECT')
       AND NOT has_table_privilege('palate_app', 'llm_calls', 'DELETE') AND NOT EXISTS (
        SELECT FROM pg_class c
        WHERE c.relnamespace = schema_name::regnamespace AND c.relkind IN ('r', 'm', 'v')
          AND NOT ((has_table_privilege('palate_read', c.oid, 'SELECT')
                    OR c.relname IN ('llm_answers', 'llm_calls'))
                   AND has_table_privilege('palate_owner', c.oid, 'TRUNCATE'))
    ) THEN
        RETURN;
    END IF;
    EXECUTE format('GRANT ALL ON ALL TABLES IN SCHEMA %I TO palate_owner', schema_name);
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO palate_app, palate_read', schema_name);
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO palate_app, palate_read', schema_name);
    GRANT INSERT, UPDATE, DELETE ON ratings, tags, user_factors, llm_answers TO palate_app;
    -- Questions may hold what people typed; recorded calls are what budgets are counted by.
    REVOKE ALL ON llm_answers, llm_calls FROM palate_read;
    REVOKE DELETE ON llm_calls FROM palate_app;
    GRANT INSERT, UPDATE ON llm_calls TO palate_app;
    -- Not `synthetic`: who counts in no statistic is not the service's to say.
    GRANT DELETE,
          INSERT (user_id, profile, embedding, embedding_sum, weight_sum, rating_count, updated_at),
          UPDATE (embedding, embedding_sum, weight_sum, rating_count, updated_at)
          ON users TO palate_app;
END $$;
