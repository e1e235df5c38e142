-- name: one_moment
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;

-- name: export_snapshot
SELECT pg_export_snapshot();

-- name: server_version
SELECT current_setting('server_version_num')::integer / 10000;

-- name: has_data
SELECT EXISTS (SELECT FROM movies) OR EXISTS (SELECT FROM ratings)
    OR EXISTS (SELECT FROM users) OR EXISTS (SELECT FROM tags)
    OR EXISTS (SELECT FROM events);

-- name: neighbours
SELECT format('%I.%I', n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = :schema AND c.relkind IN ('r', 'p', 'm', 'S', 'v', 'f') AND c.oid <> ALL (:own);

-- name: dependents
-- Views and foreign keys of others on objects of ours: they would go with what is put aside.
SELECT DISTINCT c.oid::regclass::text
FROM pg_depend d
JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
JOIN pg_class c ON c.oid = r.ev_class
WHERE d.refobjid = ANY (:own) AND c.oid <> ALL (:own)
UNION
SELECT k.conrelid::regclass::text
FROM pg_constraint k
WHERE k.contype = 'f' AND k.confrelid = ANY (:own) AND k.conrelid <> ALL (:own);

-- name: wait_little
SELECT set_config('lock_timeout', '50ms', true);

-- name: count
SELECT count(*) FROM {table};

-- name: empty
-- Migrations put a first row into some.
DELETE FROM {table};

-- name: export
-- Without the columns that the paradedb engine makes of others.
COPY {table} TO STDOUT (FORMAT csv, HEADER);

-- name: import
COPY {table} FROM STDIN (FORMAT csv, HEADER match);

-- name: go_on_counting
SELECT setval(pg_get_serial_sequence(t.name, t.id), t.last)
FROM (SELECT 'models' AS name, 'id' AS id, max(id) AS last FROM models
      UNION ALL SELECT 'llm_calls', 'id', max(id) FROM llm_calls
      UNION ALL SELECT 'user_names', 'user_id', max(user_id) FROM user_names) t
WHERE t.last IS NOT NULL;

-- name: finds_a_film
-- NULL where there is no film with a word in its title.
SELECT EXISTS (SELECT FROM search(search_clean(f.title), k => 1000, candidates => 1000) s
               WHERE s.movie_id = f.movie_id)
FROM (SELECT m.movie_id, m.title FROM movies m
      WHERE m.title ~ '[[:alnum:]]{3}' ORDER BY m.rating_count DESC, m.movie_id LIMIT 1) f;

-- name: refresh_stats
SELECT refresh_stats();

-- name: analyze
ANALYZE movies, ratings, users, movie_stats, movie_vectors, movie_factors, user_factors;
