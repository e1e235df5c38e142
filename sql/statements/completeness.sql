-- name: paradedb_missing
-- Films in the table and not in the index, and dead ones that the index still gives.
SELECT abs((SELECT count(*) FROM movies)
           - (SELECT count(*) FROM search_matches('{"all": null}'::jsonb)));

-- name: postgres_missing
SELECT abs((SELECT count(*) FROM movies) - (SELECT count(*) FROM movie_search));

-- name: paradedb_rebuild
-- Searches and writes go on meanwhile; no transaction can be around it.
REINDEX INDEX CONCURRENTLY movies_search;

-- name: postgres_rebuild
SELECT refresh_search();

-- name: postgres_clear
-- With the dead rows of the index before, a search takes a third longer until autovacuum comes.
VACUUM (ANALYZE) movie_terms, movie_search;

-- name: may_rebuild
SELECT pg_has_role(c.relowner, 'USAGE') FROM pg_class c WHERE c.oid = 'movies'::regclass;

-- name: time_limit
SELECT current_setting('statement_timeout');

-- name: limit_time
SELECT set_config('statement_timeout', :limit, false);

-- name: try_lock
SELECT pg_try_advisory_lock(hashtextextended('palate.rebuild', 0));

-- name: unlock
SELECT pg_advisory_unlock(hashtextextended('palate.rebuild', 0));

-- name: pg_search_version
SELECT extversion FROM pg_extension WHERE extname = 'pg_search';

-- name: can_verify
SELECT EXISTS (SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
               WHERE n.nspname = 'pdb' AND p.proname = 'verify_index');

-- name: verify
SELECT check_name, details FROM pdb.verify_index('movies_search'::regclass) WHERE NOT passed;
