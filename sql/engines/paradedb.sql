-- BM25 by ParadeDB's pg_search: the index of the `paradedb` engine. It is made again whenever
-- this file changes, and when fields of one's own do.

DROP TRIGGER IF EXISTS movies_search_inserted ON movies;
DROP TRIGGER IF EXISTS movies_search_updated ON movies;
DROP TRIGGER IF EXISTS movies_search_deleted ON movies;
DROP TRIGGER IF EXISTS movies_search_truncated ON movies;
DROP TRIGGER IF EXISTS movies_search_replicated ON movies;
-- What the `postgres` engine made, had it been the engine before. In this schema only: a scratch
-- schema stands before the live one, whose index is to stay.
DO $$
DECLARE
    here text := quote_ident(current_schema());
    functions text := (
        SELECT string_agg(p.oid::regprocedure::text, ', ')
        FROM pg_proc p
        WHERE to_regclass(here || '.search_version') IS NOT NULL
          AND p.pronamespace = current_schema()::regnamespace AND p.proname = ANY (
            '{add_search_totals, bm25, forget_movies, movies_to_search, parse_operand,
              parse_operators, query_fields, query_range, query_slop, query_word, refresh_search,
              remember_movies, search_expression, search_fields, search_numbers, search_phrase,
              search_places, search_quote, search_range}'));
BEGIN
    EXECUTE format('DROP TABLE IF EXISTS %1$s.movie_terms, %1$s.movie_search, %1$s.search_totals',
                   here);
    EXECUTE format('DROP SEQUENCE IF EXISTS %s.search_version', here);
    IF functions IS NOT NULL THEN
        EXECUTE 'DROP FUNCTION ' || functions;
    END IF;
END $$;
-- So that it is made again, should it be the engine after.
DELETE FROM repeatable_migrations WHERE name LIKE 'postgres%';

-- pg_search from 0.25 on has types of its own for vector's, which has to be there before it.
CREATE EXTENSION IF NOT EXISTS vector;
CREATE EXTENSION IF NOT EXISTS pg_search;

-- Stemmed texts are folded before they are stemmed, by the function that the other engine uses:
-- pg_search itself stems first and misses `strasse` and `traume` in Straße der Träume. The columns
-- themselves are there for the people's overload, whose text goes to pg_search's own parser. Names
-- are not stemmed. What is written stays in a mutable segment that each query indexes anew, so that
-- one is kept small, and loads end with REINDEX.
--
-- Each field of one's own is a column here, made of movies.own. There is one index of this kind a
-- table, so searches wait while it is made again.
CREATE OR REPLACE FUNCTION index_fields() RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    here text := quote_ident(current_schema());
    indexed text := '';
    f record;
BEGIN
    EXECUTE format('DROP INDEX IF EXISTS %s.movies_search', here);
    FOR f IN
        SELECT a.attname AS name FROM pg_attribute a
        WHERE a.attrelid = (here || '.movies')::regclass AND a.attgenerated = 's' AND NOT a.attisdropped
          AND a.attname NOT IN (SELECT o.name FROM own_fields o WHERE o.kind IS NOT NULL)
    LOOP
        EXECUTE format('ALTER TABLE %s.movies DROP COLUMN %I', here, f.name);
    END LOOP;
    FOR f IN SELECT o.name, o.type, o.kind FROM own_fields o WHERE o.kind IS NOT NULL ORDER BY o.name LOOP
        EXECUTE format('ALTER TABLE %s.movies ADD COLUMN IF NOT EXISTS %I %s GENERATED ALWAYS AS (%s) STORED',
            here, f.name,
            CASE f.type WHEN 'integer' THEN 'bigint' WHEN 'numeric' THEN 'double precision'
                        WHEN 'text[]' THEN 'text[]' ELSE 'text' END,
            CASE f.type WHEN 'integer' THEN format('(own ->> %L)::bigint', f.name)
                        WHEN 'numeric' THEN format('(own ->> %L)::double precision', f.name)
                        WHEN 'text[]' THEN format('%s.own_list(own -> %L)', here, f.name)
                        ELSE format('own ->> %L', f.name) END);
        indexed := indexed || format(CASE f.kind
            WHEN 'text' THEN ', (%I::pdb.simple(''stemmer=english'', ''ascii_folding=true''))'
            WHEN 'literal' THEN ', (%I::pdb.literal_normalized)'
            ELSE ', %I' END, f.name);
    END LOOP;
    EXECUTE format($index$
        CREATE INDEX movies_search ON %s.movies USING bm25 (
            movie_id,
            (fold(title)::pdb.simple('stemmer=english', 'alias=title_folded')),
            (fold(original_title)::pdb.simple('stemmer=english', 'alias=original_title_folded')),
            (fold(overview)::pdb.simple('stemmer=english', 'alias=overview_folded')),
            (title::pdb.simple('stemmer=english', 'ascii_folding=true')),
            (original_title::pdb.simple('stemmer=english', 'ascii_folding=true')),
            (overview::pdb.simple('stemmer=english', 'ascii_folding=true')),
            (director::pdb.simple('ascii_folding=true')),
            (actors::pdb.simple('ascii_folding=true')),
            (keywords::pdb.simple('stemmer=english', 'ascii_folding=true')),
            (genres::pdb.literal_normalized),
            (sentiment::pdb.literal_normalized),
            (budget_tier::pdb.literal_normalized),
            (revenue_tier::pdb.literal_normalized),
            (target_audience::pdb.literal_normalized),
            year,
            imdb_id,
            tmdb_id,
            runtime_minutes,
            avg_rating,
            rating_count,
            effectiveness%s
        ) WITH (key_field = 'movie_id', mutable_segment_rows = 100)
    $index$, here, indexed);
END $$;

SELECT index_fields();
