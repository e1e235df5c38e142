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
-- Whatever of somebody else's stands on objects of ours, of any class: it would go with them. `ours` is
-- our objects and their parts (row types, constraints, indexes, triggers ...); a partition is no part.
WITH RECURSIVE own (class, object) AS (
    SELECT * FROM unnest(CAST(:catalogs AS oid[]), CAST(:own AS oid[]))
), ours (class, object) AS (
    SELECT * FROM own
    UNION ALL
    SELECT 'pg_type'::regclass, c.reltype FROM own o
    JOIN pg_class c ON o.class = 'pg_class'::regclass AND c.oid = o.object AND c.relkind = 'c'
    UNION
    SELECT d.classid, d.objid
    FROM ours o JOIN pg_depend d ON d.refclassid = o.class AND d.refobjid = o.object
    WHERE d.deptype IN ('i', 'a') AND NOT (d.classid = 'pg_class'::regclass AND EXISTS (
        SELECT FROM pg_class c WHERE c.oid = d.objid AND c.relkind IN ('r', 'p', 'f')))
), others AS (
    SELECT d.classid, d.objid, d.objsubid
    FROM ours o JOIN pg_depend d ON d.refclassid = o.class AND d.refobjid = o.object
    WHERE (d.classid, d.objid) NOT IN (SELECT class, object FROM ours)
)
SELECT DISTINCT i.type || ' ' || i.identity
FROM others o
LEFT JOIN pg_rewrite r ON o.classid = 'pg_rewrite'::regclass AND r.oid = o.objid AND r.rulename = '_RETURN'
CROSS JOIN pg_identify_object(
    CASE WHEN r.oid IS NULL THEN o.classid ELSE 'pg_class'::regclass END,
    coalesce(r.ev_class, o.objid), o.objsubid) i
ORDER BY 1;

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
