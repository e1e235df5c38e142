-- Roles: palate_owner migrates, palate_app serves, palate_read is for people at psql. They are
-- made where the migrating role may make roles, and granted what exists at each migration.
-- Everything belongs to palate_owner, so that any member of it can migrate next.
--
-- Objects come by name, such as `TABLE palate.movies`: what else is in the schema is not Palate's.

-- So that `SELECT * FROM search('lord')` finds search() and its tables. Where this role may not say
-- so, an administrator does; `palate doctor` tells how.
CREATE OR REPLACE FUNCTION set_search_paths(roles text[]) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    path text := current_setting('search_path');
    role_name text;
BEGIN
    FOR role_name IN
        SELECT r.rolname FROM pg_roles r
        WHERE r.rolname = ANY (roles) AND NOT EXISTS (
            SELECT FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
            CROSS JOIN unnest(s.setconfig) c
            WHERE s.setrole = r.oid AND d.datname = current_database() AND c LIKE 'search\_path=%'
              AND (substr(c, 13) = path OR EXISTS (  -- that of another Palate in this database, which was first
                  SELECT FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
                  WHERE t.relname = 'repeatable_migrations' AND n.nspname <> current_schema()
                    AND quote_ident(n.nspname) = split_part(substr(c, 13), ', ', 1))))
    LOOP
        BEGIN
            EXECUTE format('ALTER ROLE %I IN DATABASE %I SET search_path = %s',
                           role_name, current_database(), path);
        EXCEPTION WHEN insufficient_privilege THEN
            NULL;
        END;
    END LOOP;
END $$;

-- `strangers` are those of the objects that belong to somebody else. `embedded`: the server is
-- Palate's own, and so is the role that migrates it.
CREATE OR REPLACE FUNCTION make_roles(objects text[], strangers text[], embedded boolean) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    schema_name text := current_schema();
    roles text[] := '{palate_owner,palate_app,palate_read}';
    relations text[] := ARRAY(
        SELECT regexp_replace(o, '^(TABLE|MATERIALIZED VIEW|VIEW) ', '') FROM unnest(objects) o
        WHERE o ~ '^(TABLE|MATERIALIZED VIEW|VIEW) ');
    role_name text;
    object text;
BEGIN
    IF (SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        FOREACH role_name IN ARRAY roles LOOP
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
                BEGIN
                    EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
                    -- Who makes a role is no member of it, and none of PostgreSQL 16's may give it anything.
                    IF role_name = 'palate_owner' AND NOT pg_has_role(current_user, role_name, 'USAGE') THEN
                        EXECUTE format('GRANT palate_owner TO %I', current_user);
                    END IF;
                EXCEPTION WHEN duplicate_object OR unique_violation THEN
                    NULL;  -- made meanwhile for another database of this server
                END;
            END IF;
        END LOOP;
    END IF;
    PERFORM set_search_paths(CASE WHEN embedded THEN roles || current_user::text ELSE roles END);
    IF (SELECT count(*) FROM pg_roles WHERE rolname = ANY (roles)) < 3 THEN
        RETURN;
    END IF;
    EXECUTE format('GRANT ALL ON SCHEMA %I TO palate_owner', schema_name);
    -- The schema of `vector` may be anybody's: where this role may not grant its use, a migration tells.
    FOR object IN
        SELECT format('GRANT USAGE ON SCHEMA %I TO %I', n.nspname, r.rolname)
        FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
        JOIN pg_roles r ON r.rolname = ANY (roles) AND NOT has_schema_privilege(r.oid, n.oid, 'USAGE')
        WHERE e.extname = 'vector' AND has_schema_privilege(n.oid, 'USAGE WITH GRANT OPTION')
    LOOP
        EXECUTE object;
    END LOOP;
    -- Only to whom this role may give it (SET, known since 16) and still use it (USAGE, not with NOINHERIT).
    IF pg_has_role(current_user, 'palate_owner', 'USAGE') AND pg_has_role(current_user, 'palate_owner',
           CASE WHEN current_setting('server_version_num')::integer < 160000 THEN 'MEMBER' ELSE 'SET' END) THEN
        FOREACH object IN ARRAY strangers LOOP
            EXECUTE format('ALTER %s OWNER TO palate_owner', object);
        END LOOP;
    END IF;
    -- Everybody may call functions, but where default privileges take that away.
    FOR object IN
        SELECT format('GRANT EXECUTE ON %s TO %I', o, r.rolname)
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname = schema_name
        JOIN unnest(objects) o ON o = format('FUNCTION %I.%I(%s)', n.nspname, p.proname,
                                             pg_get_function_identity_arguments(p.oid))
        JOIN pg_roles r ON r.rolname = ANY (roles) AND NOT has_function_privilege(r.oid, p.oid, 'EXECUTE')
        -- What a DBA revoked by itself stays revoked.
        WHERE EXISTS (SELECT FROM pg_default_acl a JOIN pg_roles m ON m.oid = a.defaclrole
                      WHERE m.rolname = current_user AND a.defaclobjtype = 'f')
    LOOP
        EXECUTE object;
    END LOOP;
    -- Nothing is granted twice: GRANT writes the catalog rows that a running load writes too.
    IF has_table_privilege('palate_app', 'ratings', 'INSERT')
       AND has_column_privilege('palate_app', 'profile_settings', 'only_one', 'UPDATE')
       AND NOT has_table_privilege('palate_read', 'feedback', 'SELECT')
       AND has_table_privilege('palate_app', 'movies', 'DELETE')
       AND has_table_privilege('palate_app', 'rating_counts', 'DELETE')
       AND has_table_privilege('palate_app', 'candidate_features', 'DELETE')
       AND NOT has_table_privilege('palate_app', 'llm_calls', 'DELETE') AND NOT EXISTS (
        SELECT FROM unnest(relations) r
        WHERE NOT ((has_table_privilege('palate_read', r, 'SELECT')
                    OR r ~ '\.(llm_answers|llm_calls|feedback)$')
                   AND has_table_privilege('palate_owner', r, 'TRUNCATE'))
    ) THEN
        RETURN;
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO palate_app, palate_read', schema_name);
    EXECUTE format('GRANT ALL ON %s TO palate_owner', array_to_string(relations, ', '));
    EXECUTE format('GRANT SELECT ON %s TO palate_app, palate_read', array_to_string(relations, ', '));
    GRANT UPDATE (only_one) ON profile_settings, stats_version TO palate_app;  -- to lock the row; it stays true
    GRANT INSERT, UPDATE, DELETE ON ratings, tags, user_factors, llm_answers, synonyms, pins TO palate_app;
    GRANT INSERT, DELETE ON events, user_names, feedback TO palate_app;
    GRANT UPDATE ON event_weights TO palate_app;
    GRANT DELETE ON neighbour_likes TO palate_app;
    GRANT INSERT, UPDATE ON told_names TO palate_app;
    -- Films that come and go, and what triggers keep of them. Not their statistics, nor enrichment.
    GRANT DELETE,
          INSERT (movie_id, item_id, title, original_title, year, imdb_id, tmdb_id, genres, overview, runtime_minutes,
                  release_date, director, actors, keywords, budget, revenue, poster_url, embedding, own),
          UPDATE (title, original_title, year, imdb_id, tmdb_id, genres, overview, runtime_minutes,
                  release_date, director, actors, keywords, budget, revenue, poster_url, embedding, own)
          ON movies TO palate_app;
    GRANT INSERT, UPDATE, DELETE ON movie_titles, movie_vectors, movie_directions, candidate_features, kept_history, bulk_jobs, rating_counts TO palate_app;
    FOREACH object IN ARRAY '{movie_terms,movie_search,search_totals}'::text[] LOOP
        IF to_regclass(quote_ident(schema_name) || '.' || object) IS NOT NULL THEN
            EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %I.%I TO palate_app', schema_name, object);
            EXECUTE format('GRANT USAGE ON SEQUENCE %I.search_version TO palate_app', schema_name);
        END IF;
    END LOOP;
    -- Questions may hold what people typed; recorded calls are what budgets are counted by; what people
    -- clicked on nobody's search needs.
    REVOKE ALL ON llm_answers, llm_calls, feedback, told_names FROM palate_read;
    REVOKE DELETE ON llm_calls FROM palate_app;
    GRANT INSERT, UPDATE ON llm_calls TO palate_app;
    -- Not `synthetic`: who counts in no statistic is not the service's to say.
    GRANT DELETE,
          INSERT (user_id, profile, embedding, embedding_sum, weight_sum, rating_count, event_count, updated_at),
          UPDATE (embedding, embedding_sum, weight_sum, rating_count, event_count, updated_at)
          ON users TO palate_app;
END $$;
