-- name: neighbours
-- Another application: some of its names are ours too.
CREATE TABLE public.diary (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, line text);
INSERT INTO public.diary (line) VALUES ('theirs'), ('and theirs');
CREATE VIEW public.lines AS SELECT line FROM public.diary;
CREATE MATERIALIZED VIEW public.counted AS SELECT count(*) FROM public.diary;
CREATE SEQUENCE public.tickets;
CREATE TYPE public.mood AS ENUM ('good', 'bad');
CREATE FUNCTION public.search(needle text) RETURNS SETOF public.diary LANGUAGE sql STABLE
    AS $$ SELECT * FROM public.diary WHERE line LIKE needle $$;
CREATE FUNCTION public.bm25(word text) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT 1 $$;
CREATE FUNCTION public.make_roles(people text[]) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT 2 $$;
CREATE SCHEMA shop;
CREATE TABLE shop.movies (id integer PRIMARY KEY, price numeric);
INSERT INTO shop.movies VALUES (1, 9.99);
CREATE TABLE shop.ratings (id integer REFERENCES shop.movies, stars integer);
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'neighbour') THEN
        CREATE ROLE neighbour NOLOGIN;
    END IF;
    EXECUTE format('ALTER ROLE neighbour IN DATABASE %I SET search_path = shop', current_database());
END $$;
GRANT SELECT ON public.diary, shop.movies TO neighbour;
ALTER TABLE shop.ratings OWNER TO neighbour;

-- name: belongings
WITH mine AS (SELECT n.oid, n.nspname FROM pg_namespace n WHERE n.nspname IN ('public', 'shop')),
theirs (name) AS (VALUES ('diary'), ('lines'), ('counted'), ('tickets'), ('movies'), ('ratings'),
                         ('diary_pkey'), ('movies_pkey'), ('diary_id_seq'))
SELECT 'table' AS what, format('%s.%s', n.nspname, c.relname) AS name, c.oid::text,
       pg_get_userbyid(c.relowner)::text AS owner, coalesce(c.relacl::text, '') AS grants
FROM pg_class c JOIN mine n ON n.oid = c.relnamespace JOIN theirs t ON t.name = c.relname
WHERE n.nspname = 'shop' OR c.relname NOT IN ('movies', 'ratings', 'movies_pkey')
UNION ALL
SELECT 'function', p.proname || ': ' || p.prosrc, p.oid::text, pg_get_userbyid(p.proowner), coalesce(p.proacl::text, '')
FROM pg_proc p WHERE p.oid IN ('public.search(text)'::regprocedure, 'public.bm25(text)'::regprocedure,
                               'public.make_roles(text[])'::regprocedure)
UNION ALL
SELECT 'type', t.typname, t.oid::text, pg_get_userbyid(t.typowner), coalesce(t.typacl::text, '')
FROM pg_type t WHERE t.typname = 'mood'
UNION ALL
SELECT 'schema', n.nspname, n.oid::text, pg_get_userbyid(n.nspowner), ''
FROM pg_namespace n WHERE n.nspname IN ('public', 'shop')
UNION ALL
SELECT 'rows', d::text, '', '', '' FROM public.diary d
UNION ALL
SELECT 'rows', m::text, '', '', '' FROM shop.movies m
UNION ALL
SELECT 'role setting', s.setconfig::text, s.setrole::text, '', ''
FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase AND d.datname = current_database()
WHERE s.setrole = 'neighbour'::regrole OR s.setrole = 0
ORDER BY 1, 2, 3;

-- name: owners
SELECT c.relname::text, pg_get_userbyid(c.relowner)::text FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r';

-- name: everything
SELECT CASE c.relkind WHEN 'r' THEN 'TABLE' WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
            WHEN 'S' THEN 'SEQUENCE' ELSE 'TYPE' END, format('palate.%I', c.relname)
FROM pg_class c
WHERE c.relnamespace = 'palate'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'S', 'c')
  AND NOT (c.relkind = 'S' AND EXISTS (  -- of an identity column
      SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                                AND d.deptype = 'i'))
UNION ALL
SELECT 'FUNCTION', format('palate.%I(%s)', p.proname, pg_get_function_identity_arguments(p.oid))
FROM pg_proc p WHERE p.pronamespace = 'palate'::regnamespace
UNION ALL
SELECT 'TEXT SEARCH CONFIGURATION', format('palate.%I', f.cfgname)
FROM pg_ts_config f WHERE f.cfgnamespace = 'palate'::regnamespace
UNION ALL
SELECT 'TYPE', format('palate.%I', t.typname)
FROM pg_type t WHERE t.typnamespace = 'palate'::regnamespace AND t.typtype = 'e'
UNION ALL
SELECT 'TEXT SEARCH DICTIONARY', format('palate.%I', d.dictname)
FROM pg_ts_dict d WHERE d.dictnamespace = 'palate'::regnamespace;

-- name: role_paths
SELECT s.setrole::regrole::text, s.setconfig
FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
WHERE d.datname = current_database() ORDER BY 1;

-- name: unpinned
-- Functions that find names by the session's search_path: neither bound when they were made nor pinned.
SELECT p.oid::regprocedure::text
FROM pg_proc p
WHERE p.pronamespace = 'palate'::regnamespace AND p.prosqlbody IS NULL
  AND NOT coalesce(p.proconfig::text LIKE '%search_path=palate, public, pg_temp%', false)
ORDER BY 1;

-- name: act
INSERT INTO ratings (user_id, movie_id, rating) SELECT 4712, movie_id, 5 FROM movies ORDER BY 1 LIMIT 5;
UPDATE ratings SET rating = 1 WHERE user_id = 4712 AND movie_id = (SELECT min(movie_id) FROM movies);
UPDATE movies SET title = title || ' lord' WHERE movie_id = (SELECT min(movie_id) FROM movies);
SELECT refresh_search(), refresh_profiles();
SELECT * FROM recommend(4712);
SELECT * FROM similar(1);
SELECT * FROM suggest_titles('lor');
SELECT * FROM preferences(4712);

-- name: role_paths
SELECT r.rolname::text, s.setconfig[1]
FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole
JOIN pg_database d ON d.oid = s.setdatabase AND d.datname = current_database()
WHERE r.rolname IN ('palate_owner', 'palate_app', 'palate_read') ORDER BY 1;

-- name: owners_in_path
SELECT c.relname::text, pg_get_userbyid(c.relowner)::text FROM pg_class c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r';

-- name: scratch_schemas
SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'palate\_scratch%';
