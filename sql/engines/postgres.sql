-- Exact BM25 in plain SQL: the index of the `postgres` engine, kept by triggers.
--
-- movie_search holds one tsvector a film under GIN and answers every boolean, phrase, prefix and
-- range; movie_terms holds how often each word stands in each field and gives the scores. Both
-- hold the same lexemes, each with its field's letter in front (t:lord, g:fantasy, y:1999), and
-- follow `movies` by triggers. Numbers are digits of fixed width, so that a range is a handful of
-- prefixes and a query with ranges anywhere stays one tsquery.

-- ParadeDB's, had it been the engine before; never that of a live schema behind a scratch one.
DO $$ BEGIN
    EXECUTE format('DROP INDEX IF EXISTS %I.movies_search', current_schema());
    EXECUTE format('DROP FUNCTION IF EXISTS %I.query_item(boolean, text)', current_schema());
    EXECUTE format('DROP FUNCTION IF EXISTS %I.best_matches(jsonb, integer, bigint, text)',
                   current_schema());
END $$;
-- So that it is made again, should it be the engine after.
DELETE FROM repeatable_migrations WHERE name LIKE 'paradedb%';

CREATE TABLE IF NOT EXISTS movie_terms (
    lexeme   text COLLATE "C" NOT NULL,
    movie_id bigint NOT NULL,
    tf       integer NOT NULL,
    dl       integer NOT NULL,
    PRIMARY KEY (lexeme, movie_id) INCLUDE (tf, dl)
);

CREATE TABLE IF NOT EXISTS movie_search (
    movie_id bigint PRIMARY KEY,
    tsv      tsvector NOT NULL
);
-- New entries are collected and sorted in, 512 kB at a time: loading takes a third of the time, and
-- searching reads at most that much more.
CREATE INDEX IF NOT EXISTS movie_search_tsv ON movie_search USING gin (tsv)
    WITH (fastupdate = on, gin_pending_list_limit = 512);

-- Films (code '*') and tokens a field: the sums over the rows. A writer folds the rows it can lock into one,
-- so that writers never wait for each other here.
CREATE TABLE IF NOT EXISTS search_totals (
    code   text COLLATE "C" NOT NULL,
    tokens bigint NOT NULL
);
-- Where somebody publishes all tables of the database, a row without a key is not deleted otherwise.
DO $$ BEGIN
    IF (SELECT relreplident FROM pg_class WHERE oid = 'search_totals'::regclass) <> 'f' THEN
        ALTER TABLE search_totals REPLICA IDENTITY FULL;
    END IF;
END $$;

-- Changes when the words do: what was read from movie_terms is good while it stays.
CREATE SEQUENCE IF NOT EXISTS search_version;
GRANT SELECT ON search_version TO PUBLIC;

-- The fields of sql/syntax.py and one's own: a letter each; config for texts, width for numbers.
CREATE OR REPLACE FUNCTION search_fields()
RETURNS TABLE (field text, code text, kind text, config regconfig, width integer)
LANGUAGE sql STABLE BEGIN ATOMIC
VALUES ('title',           't:', 'text',    'palate'::regconfig, 0),
       ('original_title',  'o:', 'text',    'palate', 0),
       ('director',        'd:', 'text',    'pg_catalog.simple', 0),
       ('actors',          'a:', 'text',    'pg_catalog.simple', 0),
       ('keywords',        'k:', 'text',    'palate', 0),
       ('overview',        'v:', 'text',    'palate', 0),
       ('genres',          'g:', 'literal', NULL, 0),
       ('sentiment',       's:', 'literal', NULL, 0),
       ('budget_tier',     'l:', 'literal', NULL, 0),
       ('revenue_tier',    'h:', 'literal', NULL, 0),
       ('target_audience', 'p:', 'literal', NULL, 0),
       ('effectiveness',   'e:', 'number',  NULL, 4),
       ('imdb_id',         'i:', 'literal', NULL, 0),
       ('year',            'y:', 'number',  NULL, 4),
       ('avg_rating',      'r:', 'number',  NULL, 7),
       ('rating_count',    'c:', 'number',  NULL, 10),
       ('runtime_minutes', 'u:', 'number',  NULL, 4),
       ('tmdb_id',         'b:', 'number',  NULL, 19),
       ('movie_id',        'm:', 'number',  NULL, 19)
UNION ALL
SELECT f.name, f.code, f.kind, CASE f.kind WHEN 'text' THEN 'palate'::regconfig END,
       CASE f.type WHEN 'integer' THEN 18 WHEN 'numeric' THEN 19 ELSE 0 END
FROM own_fields f WHERE f.kind IS NOT NULL;
END;

-- A lexeme as tsvector and tsquery read it.
CREATE OR REPLACE FUNCTION search_quote(text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE BEGIN ATOMIC
SELECT '''' || replace(replace($1, '\', '\\'), '''', '''''') || '''';
END;

DO $$ BEGIN
    EXECUTE format('DROP FUNCTION IF EXISTS %I.search_numbers'
                   '(bigint, bigint, integer, integer, double precision, integer)', current_schema());
END $$;
CREATE OR REPLACE FUNCTION search_numbers(
    movie_id bigint, tmdb_id bigint, year integer, runtime_minutes integer,
    avg_rating double precision, rating_count integer, effectiveness double precision
) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE BEGIN ATOMIC
SELECT array_remove(ARRAY[
    'm:' || lpad(movie_id::text, 19, '0'),
    'b:' || lpad(tmdb_id::text, 19, '0'),
    'y:' || lpad(year::text, 4, '0'),
    'u:' || lpad(runtime_minutes::text, 4, '0'),
    'r:' || lpad(round(avg_rating::numeric * 1000000)::text, 7, '0'),
    'c:' || lpad(rating_count::text, 10, '0'),
    'e:' || lpad(round(effectiveness::numeric * 100)::text, 4, '0')
], NULL);
END;

-- Prefixes of the numbers low..high, written with so many digits: 1990..2004 gives 199, 2000 ...
CREATE OR REPLACE FUNCTION search_range(low bigint, high bigint, width integer) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
DECLARE
    prefixes text[] := '{}';
    above_low bigint;
    below_high bigint;
BEGIN
    low := greatest(low, 0);
    IF width < 19 THEN
        high := least(high, (10::numeric ^ width)::bigint - 1);
    END IF;
    WHILE low <= high LOOP
        IF width = 0 THEN
            RETURN prefixes || ''::text;
        END IF;
        above_low  := low / 10 + (low % 10 <> 0)::integer;
        below_high := high / 10 - (high % 10 <> 9)::integer;
        IF above_low > below_high THEN
            RETURN prefixes || ARRAY(SELECT lpad(n::text, width, '0') FROM generate_series(low, high) n);
        END IF;
        prefixes := prefixes
            || ARRAY(SELECT lpad(n::text, width, '0') FROM generate_series(low, above_low * 10 - 1) n)
            || ARRAY(SELECT lpad(n::text, width, '0') FROM generate_series(below_high * 10 + 10, high) n);
        low := above_low;
        high := below_high;
        width := width - 1;
    END LOOP;
    RETURN prefixes;
END $$;

-- Adds to the totals, and folds together the rows that nobody else is folding.
CREATE OR REPLACE FUNCTION add_search_totals(codes text[], amounts bigint[]) RETURNS void
LANGUAGE sql SET search_path FROM CURRENT AS $$
WITH folded AS (
    DELETE FROM search_totals WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM search_totals FOR UPDATE SKIP LOCKED
    )) RETURNING code, tokens
)
INSERT INTO search_totals
SELECT code, sum(tokens) FROM (
    SELECT code, tokens FROM folded
    UNION ALL
    SELECT * FROM unnest(codes, amounts)
) t
GROUP BY code HAVING sum(tokens) <> 0
$$;

CREATE OR REPLACE FUNCTION forget_movies(ids bigint[]) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    codes text[];
    amounts bigint[];
BEGIN
    WITH gone AS (
        DELETE FROM movie_terms t
        USING (SELECT s.movie_id, u.lexeme
               FROM unnest(ids) i JOIN movie_search s ON s.movie_id = i, unnest(s.tsv) u) s
        WHERE t.lexeme = s.lexeme AND t.movie_id = s.movie_id
        RETURNING left(t.lexeme, 2) AS code, t.tf
    ), counted AS (
        SELECT code, -sum(tf) AS tokens FROM gone GROUP BY code
        UNION ALL
        SELECT '*', -count(*) FROM unnest(ids) i JOIN movie_search s ON s.movie_id = i
    )
    SELECT array_agg(code), array_agg(tokens) INTO codes, amounts FROM counted;
    IF codes IS NOT NULL THEN
        PERFORM add_search_totals(codes, amounts);
    END IF;
    DELETE FROM movie_search s USING unnest(ids) i WHERE s.movie_id = i;
    PERFORM nextval('search_version');
END $$;

CREATE OR REPLACE FUNCTION remember_movies(ids bigint[]) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    codes text[];
    amounts bigint[];
BEGIN
    -- A word of its own between the elements of a list keeps phrases from running across them.
    -- A tsvector holds 1 MB, and a character needs up to 4.5 bytes of it: of a film with more than
    -- 200,000 bytes of text the first 30,000 characters of each field are searched, and of any
    -- film 100 genres.
    WITH texts AS MATERIALIZED (
        SELECT m.movie_id, f.code,
               to_tsvector(f.config, search_clean(left(f.content, c.longest))) AS words
        FROM unnest(ids) i JOIN movies m ON m.movie_id = i CROSS JOIN LATERAL (
            SELECT array_to_string(m.actors, ' qzgapzq ') AS actors,
                   array_to_string(m.keywords, ' qzgapzq ') AS keywords
        ) l CROSS JOIN LATERAL (
            SELECT CASE WHEN octet_length(concat(m.title, m.original_title, m.director, l.actors,
                                                 l.keywords, m.overview)) > 200000
                   THEN 30000 ELSE 100000 END AS longest
        ) c CROSS JOIN LATERAL (
            VALUES ('t:', 'palate'::regconfig, m.title),
            ('o:', 'palate', m.original_title),
            ('d:', 'pg_catalog.simple', m.director),
            ('a:', 'pg_catalog.simple', l.actors),
            ('k:', 'palate', l.keywords),
            ('v:', 'palate', m.overview)
            UNION ALL
            SELECT o.code, 'palate', array_to_string(own_list(m.own -> o.name), ' qzgapzq ')
            FROM own_fields o WHERE o.kind = 'text' AND m.own ? o.name
        ) f (code, config, content)
        WHERE f.content <> ''
    ), tokens AS MATERIALIZED (
        SELECT t.movie_id, t.code, t.code || w.lexeme AS lexeme, w.tf, w.dl, w.positions
        FROM texts t CROSS JOIN LATERAL (
            SELECT u.lexeme, cardinality(u.positions) AS tf, u.positions,
                   sum(cardinality(u.positions)) OVER () AS dl
            FROM unnest(t.words) u
            WHERE u.lexeme <> 'qzgapzq' AND octet_length(u.lexeme) <= 1000
        ) w
        UNION ALL
        SELECT m.movie_id, l.code, l.code || l.value, 1, 1, NULL
        FROM unnest(ids) i JOIN movies m ON m.movie_id = i CROSS JOIN LATERAL (
            SELECT DISTINCT 'g:' AS code, lower(g) AS value FROM unnest(m.genres[:100]) g
            UNION ALL SELECT 's:', m.sentiment
            UNION ALL SELECT 'l:', m.budget_tier
            UNION ALL SELECT 'h:', m.revenue_tier
            UNION ALL SELECT 'p:', m.target_audience
            UNION ALL SELECT 'i:', lower(m.imdb_id)
            UNION ALL SELECT 'b:', lpad(m.tmdb_id::text, 19, '0')
            UNION ALL SELECT 'm:', lpad(m.movie_id::text, 19, '0')
            UNION ALL (
                SELECT DISTINCT o.code, lower(v)
                FROM own_fields o CROSS JOIN unnest((own_list(m.own -> o.name))[:100]) v
                WHERE o.kind = 'literal'
            )
        ) l
        WHERE octet_length(l.value) <= 1000
    ), stored AS (
        INSERT INTO movie_terms (lexeme, movie_id, tf, dl)
        SELECT lexeme, movie_id, tf, dl FROM tokens ORDER BY lexeme COLLATE "C", movie_id
    ), numbers AS (
        SELECT m.movie_id, n AS lexeme
        FROM unnest(ids) i JOIN movies m ON m.movie_id = i CROSS JOIN LATERAL unnest(search_numbers(
            m.movie_id, m.tmdb_id, m.year, m.runtime_minutes, m.avg_rating, m.rating_count,
            m.effectiveness)) n
        WHERE left(n, 1) NOT IN ('m', 'b')
        UNION ALL
        SELECT m.movie_id, CASE o.type
            WHEN 'integer' THEN o.code || lpad(m.own ->> o.name, 18, '0')
            ELSE o.code || lpad(round((m.own ->> o.name)::numeric * 10000)::text, 19, '0') END
        FROM unnest(ids) i JOIN movies m ON m.movie_id = i CROSS JOIN own_fields o
        WHERE o.kind = 'number' AND m.own ? o.name
    ), vectors AS (
        INSERT INTO movie_search (movie_id, tsv)
        SELECT movie_id, string_agg(entry, ' ')::tsvector FROM (
            SELECT movie_id, CASE WHEN positions IS NULL THEN search_quote(lexeme) ELSE
                '''' || lexeme || ''':' || array_to_string(positions, ',') END AS entry
            FROM tokens
            UNION ALL
            SELECT movie_id, lexeme FROM (SELECT movie_id, search_quote(lexeme) AS lexeme FROM numbers) n
        ) e
        GROUP BY movie_id
    ), counted AS (
        SELECT code, sum(tf) AS tokens FROM tokens GROUP BY code
        UNION ALL
        SELECT '*', count(*) FROM unnest(ids) i JOIN movies m ON m.movie_id = i
    )
    SELECT array_agg(code), array_agg(tokens) INTO codes, amounts FROM counted;
    IF codes IS NOT NULL THEN
        PERFORM add_search_totals(codes, amounts);
    END IF;
    PERFORM gin_clean_pending_list(c.oid) FROM pg_class c
    WHERE c.oid = 'movie_search_tsv'::regclass AND pg_has_role(c.relowner, 'USAGE')
      AND cardinality(ids) > 100;
    PERFORM nextval('search_version');
END $$;

CREATE OR REPLACE FUNCTION movies_to_search() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    ids bigint[];
BEGIN
    IF TG_LEVEL = 'ROW' THEN  -- of logical replication
        IF TG_OP <> 'INSERT' THEN PERFORM forget_movies(ARRAY[OLD.movie_id]); END IF;
        IF TG_OP <> 'DELETE' THEN PERFORM remember_movies(ARRAY[NEW.movie_id]); END IF;
    ELSIF TG_OP = 'INSERT' THEN
        SELECT array_agg(movie_id) INTO ids FROM new_movies;
        PERFORM remember_movies(ids);
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(movie_id) INTO ids FROM old_movies;
        PERFORM forget_movies(ids);
    ELSIF TG_OP = 'TRUNCATE' THEN
        TRUNCATE movie_terms, movie_search, search_totals;
        PERFORM nextval('search_version');
    ELSE
        SELECT array_agg(DISTINCT c.movie_id) INTO ids FROM (
            SELECT movie_id, title, original_title, director, actors, keywords, overview, genres,
                   imdb_id, tmdb_id, sentiment, budget_tier, revenue_tier, target_audience, own, count(*)
            FROM (SELECT * FROM old_movies UNION ALL SELECT * FROM new_movies) m
            GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 HAVING count(*) = 1
        ) c;
        IF ids IS NOT NULL THEN
            PERFORM forget_movies(ids);
            PERFORM remember_movies(ids);
        END IF;
        -- New numbers beside old words, as after refresh_stats(): only the numbers are replaced.
        -- EXECUTE plans for the rows at hand: the plan of a first small update, kept for a large
        -- one, would compare every row with every other.
        EXECUTE $sql$
            UPDATE movie_search s
            SET tsv = ts_delete(s.tsv, c.old_numbers) || array_to_tsvector(c.new_numbers)
            FROM (
                SELECT n.movie_id,
                       search_numbers(o.movie_id, o.tmdb_id, o.year, o.runtime_minutes, o.avg_rating,
                                      o.rating_count, o.effectiveness) AS old_numbers,
                       search_numbers(n.movie_id, n.tmdb_id, n.year, n.runtime_minutes, n.avg_rating,
                                      n.rating_count, n.effectiveness) AS new_numbers
                FROM old_movies o JOIN new_movies n USING (movie_id)
                WHERE (o.year, o.runtime_minutes, o.avg_rating, o.rating_count, o.effectiveness)
                   IS DISTINCT FROM (n.year, n.runtime_minutes, n.avg_rating, n.rating_count,
                                     n.effectiveness)
            ) c
            LEFT JOIN unnest($1) i ON i = c.movie_id
            WHERE s.movie_id = c.movie_id AND i IS NULL
        $sql$ USING ids;
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER movies_search_inserted AFTER INSERT ON movies
    REFERENCING NEW TABLE AS new_movies
    FOR EACH STATEMENT EXECUTE FUNCTION movies_to_search();
CREATE OR REPLACE TRIGGER movies_search_updated AFTER UPDATE ON movies
    REFERENCING NEW TABLE AS new_movies OLD TABLE AS old_movies
    FOR EACH STATEMENT EXECUTE FUNCTION movies_to_search();
CREATE OR REPLACE TRIGGER movies_search_deleted AFTER DELETE ON movies
    REFERENCING OLD TABLE AS old_movies
    FOR EACH STATEMENT EXECUTE FUNCTION movies_to_search();
CREATE OR REPLACE TRIGGER movies_search_truncated AFTER TRUNCATE ON movies
    FOR EACH STATEMENT EXECUTE FUNCTION movies_to_search();
ALTER TABLE movies ENABLE ALWAYS TRIGGER movies_search_truncated;
-- What arrives by logical replication fires triggers of rows only.
CREATE OR REPLACE TRIGGER movies_search_replicated AFTER INSERT OR UPDATE OR DELETE ON movies
    FOR EACH ROW EXECUTE FUNCTION movies_to_search();
ALTER TABLE movies ENABLE REPLICA TRIGGER movies_search_replicated;

-- Makes the index again from the films; returns how many there are. Searches read the old one until
-- this is committed, and ratings go on; only who changes films waits.
CREATE OR REPLACE FUNCTION refresh_search() RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    ids bigint[];
BEGIN
    LOCK TABLE movies IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM movie_terms;
    DELETE FROM movie_search;
    DELETE FROM search_totals;
    SELECT array_agg(movie_id) INTO ids FROM movies;
    PERFORM remember_movies(ids);
    RETURN coalesce(cardinality(ids), 0);
END $$;

-- Makes the index fit the fields of one's own: again, where films say something in them.
CREATE OR REPLACE FUNCTION index_fields() RETURNS void
LANGUAGE sql SET search_path FROM CURRENT AS $$
SELECT refresh_search() WHERE EXISTS (SELECT FROM movies WHERE own <> '{}')
$$;

-- This file and search_clean() in words.sql decide what is indexed: a change makes it again.
SELECT refresh_search();
