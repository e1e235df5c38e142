-- name: missing
-- pgvector goes where everybody finds it; in a database without `public`, beside our own tables.
-- It comes before pg_search, which needs it there.
WITH lacking AS (
    SELECT a.name FROM pg_available_extensions a
    WHERE a.installed_version IS NULL
      AND (a.name = 'vector' OR a.name = 'pg_search' AND :engine = 'paradedb')
)
SELECT s.statement
FROM (
    -- Whoever makes it, it is this role that migrates.
    SELECT 1 AS place, format('CREATE SCHEMA %I AUTHORIZATION %I;', CAST(:schema AS text), current_user)
           AS statement
    WHERE to_regnamespace(quote_ident(:schema)) IS NULL
    UNION ALL
    SELECT 2, format('CREATE EXTENSION vector SCHEMA %I;', CASE
        WHEN to_regnamespace('public') IS NULL THEN CAST(:schema AS text) ELSE 'public' END)
    FROM lacking l WHERE l.name = 'vector'
    UNION ALL
    SELECT 3, 'CREATE EXTENSION pg_search;' FROM lacking l WHERE l.name = 'pg_search'
) s
ORDER BY s.place;

-- name: installed_in
-- The first of these schemas that Palate's tables are in.
SELECT s.name
FROM unnest(CAST(:schemas AS text[])) WITH ORDINALITY s (name, place)
WHERE NOT EXISTS (
    SELECT FROM unnest('{schema_version,repeatable_migrations,movies,ratings,blend}'::text[]) t
    WHERE to_regclass(format('%I.%I', s.name, t)) IS NULL)
ORDER BY s.place LIMIT 1;

-- name: make_comments
SELECT make_comments(CAST(:own AS oid[]));

-- name: make_roles
SELECT make_roles(CAST(:objects AS text[]), CAST(:strangers AS text[]), CAST(:embedded AS boolean));
