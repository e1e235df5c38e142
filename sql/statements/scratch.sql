-- name: settle
-- Whoever makes a scratch schema holds its lock until it is dropped.
SELECT pg_try_advisory_lock(hashtext('palate scratch'), hashtext(:schema));

-- name: release
SELECT pg_advisory_unlock(hashtext('palate scratch'), hashtext(:schema));

-- name: abandoned
SELECT nspname FROM pg_namespace
WHERE nspname LIKE 'palate\_scratch\_%' AND pg_has_role(nspowner, 'USAGE');

-- name: create
CREATE SCHEMA {schema};

-- name: may_create
SELECT format('GRANT CREATE ON DATABASE %I TO %I;', current_database(), current_user);

-- name: drop
-- Each object by itself, and again while one goes: CASCADE would take what others have made to stand
-- on them meanwhile. What that keeps stays, and so does the schema.
BEGIN;
SET LOCAL statement_timeout = 0;
DO $$
DECLARE
    object text;
    gone integer := 1;
BEGIN
    WHILE gone > 0 LOOP
        gone := 0;
        FOREACH object IN ARRAY ARRAY(
            SELECT format('DROP %s %s', regexp_replace(i.type, '^composite | object$', ''), i.identity)
            FROM pg_depend d CROSS JOIN pg_identify_object(d.classid, d.objid, 0) i
            WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = to_regnamespace('{schema}')
            ORDER BY i.type = 'function', d.objid DESC)
        LOOP
            BEGIN
                EXECUTE object;
                gone := gone + 1;
            EXCEPTION WHEN dependent_objects_still_exist OR undefined_table OR undefined_object THEN
                NULL;  -- held by another, or gone with one
            END;
        END LOOP;
    END LOOP;
    BEGIN
        DROP SCHEMA IF EXISTS {schema};
    EXCEPTION WHEN dependent_objects_still_exist THEN
        NULL;
    END;
END $$;
COMMIT;

-- name: is_left
SELECT to_regnamespace(quote_ident(:schema)) IS NOT NULL;

-- name: seen_through
-- What the home schema has of its own and the scratch schema has not: through it, a statement
-- would reach live rows.
SELECT c.relname
FROM pg_class c
WHERE c.relnamespace = CAST(:home AS regnamespace) AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                  AND d.objid = c.oid AND d.deptype = 'e')
  AND NOT EXISTS (SELECT FROM pg_class s WHERE s.relname = c.relname
                  AND s.relnamespace = CAST(:scratch AS regnamespace))
UNION
SELECT p.proname
FROM pg_proc p
WHERE p.pronamespace = CAST(:home AS regnamespace)
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
                  AND d.objid = p.oid AND d.deptype = 'e')
  AND NOT EXISTS (SELECT FROM pg_proc s WHERE s.proname = p.proname
                  AND s.pronamespace = CAST(:scratch AS regnamespace))
ORDER BY 1;

-- name: copy_catalog
-- Films and their texts. What ratings say about films (avg_rating, rating_count, effectiveness)
-- stays behind.
INSERT INTO own_fields SELECT * FROM {home}.own_fields;
SELECT index_fields() WHERE EXISTS (SELECT FROM own_fields);
INSERT INTO movies (movie_id, item_id, title, original_title, year, imdb_id, tmdb_id, genres, overview,
                    runtime_minutes, release_date, director, actors, keywords, budget, revenue,
                    poster_url, embedding, sentiment, budget_tier, revenue_tier, target_audience, own)
SELECT movie_id, item_id, title, original_title, year, imdb_id, tmdb_id, genres, overview,
       runtime_minutes, release_date, director, actors, keywords, budget, revenue,
       poster_url, embedding, sentiment, budget_tier, revenue_tier, target_audience, own
FROM {home}.movies ORDER BY movie_id;
INSERT INTO embedding_model SELECT * FROM {home}.embedding_model;
UPDATE profile_settings SET half_life_days = h.half_life_days FROM {home}.profile_settings h;
DELETE FROM blend;
INSERT INTO blend SELECT * FROM {home}.blend;

-- name: without_triggers
-- Profiles are made once, of all ratings.
ALTER TABLE ratings DISABLE TRIGGER USER;

-- name: copy_ratings
COPY ratings (user_id, movie_id, rating, rated_at) FROM STDIN WITH (FORMAT binary);

-- name: with_triggers
ALTER TABLE ratings ENABLE TRIGGER USER, ENABLE REPLICA TRIGGER ratings_replicated;

-- name: refresh_profiles
SELECT refresh_profiles();

-- name: refresh_stats
SELECT refresh_stats();

-- name: analyze
ANALYZE movies, ratings, users, movie_stats, movie_vectors;
