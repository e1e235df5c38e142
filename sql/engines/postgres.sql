-- Exact BM25 in plain SQL: the `postgres` engine's side of the seam.
--
-- movie_search holds one tsvector a film under GIN and answers every boolean, phrase, prefix and
-- range; movie_terms holds how often each word stands in each field and gives the scores. Both
-- hold the same lexemes, each with its field's letter in front (t:lord, g:fantasy, y:1999), and
-- follow `movies` by triggers. Numbers are digits of fixed width, so that a range is a handful of
-- prefixes and a query with ranges anywhere stays one tsquery.

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

-- Changes when the words do: what was read from movie_terms is good while it stays.
CREATE SEQUENCE IF NOT EXISTS search_version;

-- The fields of sql/syntax.py: a letter each; config for texts, width for numbers.
CREATE OR REPLACE FUNCTION search_fields()
RETURNS TABLE (field text, code text, kind text, config regconfig, width integer)
LANGUAGE sql STABLE AS $$
VALUES ('title',           't:', 'text',    'palate'::regconfig, 0),
       ('original_title',  'o:', 'text',    'palate', 0),
       ('director',        'd:', 'text',    'pg_catalog.simple', 0),
       ('actors',          'a:', 'text',    'pg_catalog.simple', 0),
       ('keywords',        'k:', 'text',    'palate', 0),
       ('overview',        'v:', 'text',    'palate', 0),
       ('genres',          'g:', 'literal', NULL, 0),
       ('imdb_id',         'i:', 'literal', NULL, 0),
       ('year',            'y:', 'number',  NULL, 4),
       ('avg_rating',      'r:', 'number',  NULL, 7),
       ('rating_count',    'c:', 'number',  NULL, 10),
       ('runtime_minutes', 'u:', 'number',  NULL, 4),
       ('tmdb_id',         'b:', 'number',  NULL, 19),
       ('movie_id',        'm:', 'number',  NULL, 19)
$$;

-- A lexeme as tsvector and tsquery read it.
CREATE OR REPLACE FUNCTION search_quote(text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT '''' || replace(replace($1, '\', '\\'), '''', '''''') || ''''
$$;

CREATE OR REPLACE FUNCTION search_numbers(
    movie_id bigint, tmdb_id bigint, year integer, runtime_minutes integer,
    avg_rating double precision, rating_count integer
) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT array_remove(ARRAY[
    'm:' || lpad(movie_id::text, 19, '0'),
    'b:' || lpad(tmdb_id::text, 19, '0'),
    'y:' || lpad(year::text, 4, '0'),
    'u:' || lpad(runtime_minutes::text, 4, '0'),
    'r:' || lpad(round(avg_rating::numeric * 1000000)::text, 7, '0'),
    'c:' || lpad(rating_count::text, 10, '0')
], NULL)
$$;

-- Prefixes of the numbers low..high, written with so many digits: 1990..2004 gives 199, 2000 ...
CREATE OR REPLACE FUNCTION search_range(low bigint, high bigint, width integer) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
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
LANGUAGE sql AS $$
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
LANGUAGE plpgsql AS $$
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
LANGUAGE plpgsql AS $$
DECLARE
    codes text[];
    amounts bigint[];
BEGIN
    -- A word of its own between the elements of a list keeps phrases from running across them.
    WITH texts AS MATERIALIZED (
        SELECT m.movie_id, f.code, to_tsvector(f.config, search_clean(f.content)) AS words
        FROM unnest(ids) i JOIN movies m ON m.movie_id = i CROSS JOIN LATERAL (VALUES
            ('t:', 'palate'::regconfig, m.title),
            ('o:', 'palate', m.original_title),
            ('d:', 'pg_catalog.simple', m.director),
            ('a:', 'pg_catalog.simple', array_to_string(m.actors, ' qzgapzq ')),
            ('k:', 'palate', array_to_string(m.keywords, ' qzgapzq ')),
            ('v:', 'palate', m.overview)
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
            SELECT DISTINCT 'g:' AS code, lower(g) AS value FROM unnest(m.genres) g
            UNION ALL SELECT 'i:', lower(m.imdb_id)
            UNION ALL SELECT 'b:', lpad(m.tmdb_id::text, 19, '0')
            UNION ALL SELECT 'm:', lpad(m.movie_id::text, 19, '0')
        ) l
        WHERE octet_length(l.value) <= 1000
    ), stored AS (
        INSERT INTO movie_terms (lexeme, movie_id, tf, dl)
        SELECT lexeme, movie_id, tf, dl FROM tokens ORDER BY lexeme COLLATE "C", movie_id
    ), numbers AS (
        SELECT m.movie_id, n AS lexeme
        FROM unnest(ids) i JOIN movies m ON m.movie_id = i CROSS JOIN LATERAL unnest(search_numbers(
            m.movie_id, m.tmdb_id, m.year, m.runtime_minutes, m.avg_rating, m.rating_count)) n
        WHERE left(n, 1) NOT IN ('m', 'b')
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
        SELECT '*', cardinality(ids)
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
LANGUAGE plpgsql AS $$
DECLARE
    ids bigint[];
BEGIN
    IF TG_OP = 'INSERT' THEN
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
                   imdb_id, tmdb_id, count(*)
            FROM (SELECT * FROM old_movies UNION ALL SELECT * FROM new_movies) m
            GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 HAVING count(*) = 1
        ) c;
        IF ids IS NOT NULL THEN
            PERFORM forget_movies(ids);
            PERFORM remember_movies(ids);
        END IF;
        -- New numbers beside old words, as after refresh_stats(): only the numbers are replaced.
        UPDATE movie_search s
        SET tsv = ts_delete(s.tsv, c.old_numbers) || array_to_tsvector(c.new_numbers)
        FROM (
            SELECT n.movie_id,
                   search_numbers(o.movie_id, o.tmdb_id, o.year, o.runtime_minutes, o.avg_rating,
                                  o.rating_count) AS old_numbers,
                   search_numbers(n.movie_id, n.tmdb_id, n.year, n.runtime_minutes, n.avg_rating,
                                  n.rating_count) AS new_numbers
            FROM old_movies o JOIN new_movies n USING (movie_id)
            WHERE (o.year, o.runtime_minutes, o.avg_rating, o.rating_count)
               IS DISTINCT FROM (n.year, n.runtime_minutes, n.avg_rating, n.rating_count)
        ) c
        LEFT JOIN unnest(ids) i ON i = c.movie_id
        WHERE s.movie_id = c.movie_id AND i IS NULL;
    END IF;
    RETURN NULL;
END $$;

DROP TRIGGER IF EXISTS movies_search_inserted ON movies;
CREATE TRIGGER movies_search_inserted AFTER INSERT ON movies
    REFERENCING NEW TABLE AS new_movies
    FOR EACH STATEMENT EXECUTE FUNCTION movies_to_search();
DROP TRIGGER IF EXISTS movies_search_updated ON movies;
CREATE TRIGGER movies_search_updated AFTER UPDATE ON movies
    REFERENCING NEW TABLE AS new_movies OLD TABLE AS old_movies
    FOR EACH STATEMENT EXECUTE FUNCTION movies_to_search();
DROP TRIGGER IF EXISTS movies_search_deleted ON movies;
CREATE TRIGGER movies_search_deleted AFTER DELETE ON movies
    REFERENCING OLD TABLE AS old_movies
    FOR EACH STATEMENT EXECUTE FUNCTION movies_to_search();
DROP TRIGGER IF EXISTS movies_search_truncated ON movies;
CREATE TRIGGER movies_search_truncated AFTER TRUNCATE ON movies
    FOR EACH STATEMENT EXECUTE FUNCTION movies_to_search();

-- Makes the index again from the films; returns how many there are.
CREATE OR REPLACE FUNCTION refresh_search() RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    ids bigint[];
BEGIN
    LOCK TABLE movies IN SHARE ROW EXCLUSIVE MODE;
    TRUNCATE movie_terms, movie_search, search_totals;
    SELECT array_agg(movie_id) INTO ids FROM movies;
    PERFORM remember_movies(ids);
    RETURN coalesce(cardinality(ids), 0);
END $$;

SELECT refresh_search();

-- A phrase of several words. arrangements: positions that its words may have, for slop.
CREATE OR REPLACE FUNCTION search_phrase(lexemes text[], arrangements jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT coalesce(
    (SELECT string_agg(arranged, '|') FROM (
        SELECT '(' || string_agg(
            CASE WHEN w.gap IS NULL THEN '' ELSE '<' || w.gap || '>' END || search_quote(w.lexeme),
            '' ORDER BY w.position) || ')' AS arranged
        FROM jsonb_array_elements(arrangements) WITH ORDINALITY a (positions, number),
             LATERAL (
                 SELECT u.lexeme, u.position::integer AS position,
                        u.position::integer - lag(u.position::integer)
                            OVER (ORDER BY u.position::integer) AS gap
                 FROM ROWS FROM (unnest(lexemes), jsonb_array_elements_text(a.positions))
                      AS u (lexeme, position)
             ) w
        WHERE jsonb_array_length(a.positions) = cardinality(lexemes)
        GROUP BY a.number
    ) x),
    '(' || array_to_string(ARRAY(SELECT search_quote(x) FROM unnest(lexemes) x), '<->') || ')')
$$;

-- Infix tokens and the words' tsqueries to one tsquery. '0:' is a lexeme that no film has.
CREATE OR REPLACE FUNCTION search_expression(match jsonb, words jsonb) RETURNS tsquery
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN (
        SELECT string_agg(CASE
            WHEN jsonb_typeof(t.token) = 'number'
            THEN coalesce('(' || (words ->> (t.token #>> '{}')) || ')', '''0:''')
            WHEN t.token #>> '{}' IN ('&', '|', '!', '(', ')') THEN t.token #>> '{}'
            WHEN t.token = '"*"' THEN '!''0:'''
            ELSE '''0:''' END, ' ' ORDER BY t.number)
        FROM jsonb_array_elements(match) WITH ORDINALITY t (token, number)
    )::tsquery;
END $$;

-- One row for each place a word of a query is looked up in: its lexemes, and the tsquery (as
-- text) that finds it there. A word that analyses to nothing has no rows, so it finds nothing.
-- plpgsql keeps this plan out of the caller's, whose estimates it would spoil.
CREATE OR REPLACE FUNCTION search_places(query jsonb)
RETURNS TABLE (word bigint, kind text, code text, factor double precision, tie double precision,
               score double precision, scores boolean, needed integer, lexemes text[],
               tsq text, "when" jsonb)
LANGUAGE plpgsql STABLE ROWS 10 AS $$
#variable_conflict use_column
BEGIN
RETURN QUERY
SELECT w.number - 1, w.kind, f.code, coalesce(w.boost, 1) * p.value::double precision,
       coalesce(w.tie, 0), w.score, coalesce(w.scores, true),
       CASE WHEN w."any" OR w.score IS NOT NULL THEN 1 ELSE cardinality(l.lexemes) END,
       l.lexemes,
       CASE
           WHEN w.kind = 'phrase' AND cardinality(l.lexemes) > 1
           THEN search_phrase(l.lexemes, w.arrangements)
           ELSE '(' || array_to_string(
               ARRAY(SELECT search_quote(x) FROM unnest(l.lexemes) x),
               CASE WHEN w.kind IN ('range', 'prefix') THEN ':*|'
                    WHEN w.kind = 'terms' OR w."any" THEN '|' ELSE '&' END)
               || CASE WHEN w.kind IN ('range', 'prefix') THEN ':*)' ELSE ')' END
       END,
       w."when"
FROM ROWS FROM (jsonb_to_recordset(query -> 'words') AS (
         kind text, text text, fields jsonb, terms jsonb, boost double precision,
         tie double precision, score double precision, scores boolean, "any" boolean,
         arrangements jsonb, low bigint, high bigint, "when" jsonb)) WITH ORDINALITY
     AS w (kind, text, fields, terms, boost, tie, score, scores, "any", arrangements, low, high,
           "when", number)
CROSS JOIN LATERAL jsonb_each_text(w.fields) p
JOIN search_fields() f ON f.field = p.key
CROSS JOIN LATERAL (SELECT CASE
    WHEN w.kind = 'range' THEN search_range(w.low, w.high, f.width)
    WHEN w.kind = 'terms' THEN ARRAY(SELECT jsonb_array_elements_text(w.terms -> f.field))
    WHEN f.kind = 'literal' THEN ARRAY[lower(w.text)]
    WHEN f.kind = 'number' THEN ARRAY[lpad(w.text, f.width, '0')]
    WHEN w.kind = 'prefix' THEN ARRAY[lower(replace(search_clean(w.text), ' ', ''))]
    WHEN w.kind = 'phrase' THEN ARRAY(
        SELECT u.lexeme FROM unnest(to_tsvector(f.config, search_clean(w.text))) u,
                             unnest(u.positions) position ORDER BY position)
    ELSE tsvector_to_array(to_tsvector(f.config, search_clean(w.text)))
END AS stems) s
CROSS JOIN LATERAL (SELECT ARRAY(
    SELECT f.code || stem FROM unnest(s.stems) WITH ORDINALITY u (stem, position)
    WHERE octet_length(stem) BETWEEN 1 AND 1000 OR w.kind = 'range' ORDER BY position
) AS lexemes OFFSET 0) l
WHERE cardinality(l.lexemes) > 0;
END $$;

CREATE OR REPLACE FUNCTION bm25(
    idf double precision, tf integer, relative_length double precision
) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT idf * 2.2::double precision * tf / (tf + 0.3::double precision + relative_length)
$$;

-- Every film that matches.
CREATE OR REPLACE FUNCTION search_matches(query jsonb) RETURNS TABLE (movie_id bigint)
LANGUAGE sql STABLE AS $$
SELECT s.movie_id
FROM movie_search s
WHERE s.tsv @@ (
    SELECT search_expression(query -> 'match', jsonb_object_agg(w.word, w.tsq))
    FROM (SELECT p.word, string_agg(p.tsq, '|') AS tsq FROM search_places(query) p GROUP BY p.word) w)
$$;

-- The n best films by BM25, ties by movie_id. `loose` is asked instead when `query` finds fewer
-- than k films. Films that `unseen_by` rated under `profile` are left out before the limit.
--
-- A word counts with its best field plus `tie` times the others; the words of a film add up.
--   score = boost * ln(1 + (N - df + 0.5) / (df + 0.5)) * 2.2 tf / (tf + 0.3 + 0.9 dl / avgdl)
-- which is Okapi BM25 with k1 = 1.2, b = 0.75 (Robertson and Zaragoza 2009). A phrase has the sum
-- of its words' idf and the tf of its rarest word. A place with a score of its own counts that.
CREATE OR REPLACE FUNCTION search_candidates(
    query     jsonb,
    n         integer DEFAULT 100,
    loose     jsonb   DEFAULT NULL,
    k         integer DEFAULT 10,
    unseen_by bigint  DEFAULT NULL,
    profile   text    DEFAULT 'main'
) RETURNS TABLE (movie_id bigint, bm25 double precision, relaxed boolean)
LANGUAGE sql STABLE AS $$
WITH strict_places AS MATERIALIZED (
    SELECT * FROM search_places(query)
), strict_words AS MATERIALIZED (
    SELECT jsonb_object_agg(w.word, w.tsq) AS words
    FROM (SELECT p.word, string_agg(p.tsq, '|') AS tsq FROM strict_places p GROUP BY p.word) w
), strict AS MATERIALIZED (
    SELECT s.movie_id
    FROM movie_search s
    WHERE s.tsv @@ (SELECT search_expression(query -> 'match', w.words) FROM strict_words w)
      AND NOT EXISTS (SELECT FROM ratings r
                      WHERE r.user_id = unseen_by AND r.profile = search_candidates.profile
                        AND r.movie_id = s.movie_id)
), chosen AS MATERIALIZED (
    SELECT loose IS NOT NULL AND (SELECT count(*) FROM strict) < k AS relaxed
), loose_places AS MATERIALIZED (
    SELECT * FROM search_places(loose) WHERE (SELECT c.relaxed FROM chosen c)
), loose_words AS MATERIALIZED (
    SELECT jsonb_object_agg(w.word, w.tsq) AS words
    FROM (SELECT p.word, string_agg(p.tsq, '|') AS tsq FROM loose_places p GROUP BY p.word) w
), films AS MATERIALIZED (
    SELECT s.movie_id FROM strict s WHERE NOT (SELECT c.relaxed FROM chosen c)
    UNION ALL
    SELECT s.movie_id
    FROM movie_search s
    WHERE (SELECT c.relaxed FROM chosen c)
      AND s.tsv @@ (SELECT search_expression(loose -> 'match', w.words) FROM loose_words w)
      AND NOT EXISTS (SELECT FROM ratings r
                      WHERE r.user_id = unseen_by AND r.profile = search_candidates.profile
                        AND r.movie_id = s.movie_id)
), places AS MATERIALIZED (
    SELECT row_number() OVER () AS place, p.*,
           CASE WHEN p.kind = 'phrase' AND p.needed > 1 THEN p.tsq::tsquery END AS phrase,
           search_expression(p."when", w.words) AS condition
    FROM (SELECT * FROM strict_places WHERE NOT (SELECT c.relaxed FROM chosen c)
          UNION ALL SELECT * FROM loose_places) p
    CROSS JOIN (SELECT w.words FROM strict_words w WHERE NOT (SELECT c.relaxed FROM chosen c)
                UNION ALL SELECT w.words FROM loose_words w WHERE (SELECT c.relaxed FROM chosen c)) w
    WHERE p.scores
), total AS MATERIALIZED (
    SELECT t.code, sum(t.tokens)::double precision AS tokens FROM search_totals t GROUP BY t.code
), lexemes AS MATERIALIZED (
    SELECT p.place, p.word, p.tie, p.factor, l.lexeme,
           CASE WHEN p.kind = 'prefix' THEN l.lexeme || chr(1114111) ELSE l.lexeme END AS upto,
           ln(1 + (t.tokens - d.df + 0.5::double precision) / (d.df + 0.5::double precision)) AS idf,
           0.9::double precision * t.tokens / a.tokens AS length_factor,
           -- One lexeme in one place is its own sum; the other places of a word make it a best one.
           cardinality(p.lexemes) = 1 AND p.score IS NULL AND p.condition IS NULL AS simple,
           count(*) OVER (PARTITION BY p.word) = 1 AS alone
    FROM places p
    CROSS JOIN LATERAL unnest(p.lexemes) l (lexeme)
    CROSS JOIN LATERAL (
        SELECT count(*) AS df FROM movie_terms m WHERE m.lexeme = l.lexeme AND p.score IS NULL
    ) d
    JOIN total t ON t.code = '*'
    LEFT JOIN total a ON a.code = p.code
), hits AS (
    SELECT l.place, l.word, l.tie, l.simple, l.alone, m.movie_id, m.tf, l.idf,
           l.length_factor * m.dl AS length,
           l.factor * bm25(l.idf, m.tf, l.length_factor * m.dl) AS points
    FROM lexemes l
    CROSS JOIN LATERAL (
        SELECT t.movie_id, t.tf, t.dl FROM movie_terms t
        WHERE t.lexeme >= l.lexeme AND t.lexeme <= l.upto
        OFFSET 0  -- by the index, whatever the planner expects of `films`
    ) m
    JOIN films f ON f.movie_id = m.movie_id
), place_scores AS (
    SELECT h.movie_id, h.word, h.tie, h.points FROM hits h WHERE h.simple AND NOT h.alone
    UNION ALL
    SELECT h.movie_id, p.word, p.tie, CASE
               WHEN p.score IS NOT NULL THEN p.factor * p.score
               WHEN p.kind = 'phrase' THEN p.factor * bm25(h.idf, h.tf, h.length)
               ELSE h.points END
    FROM (SELECT h.movie_id, h.place, count(*) AS found, sum(h.points) AS points,
                 sum(h.idf) AS idf, min(h.tf) AS tf, min(h.length) AS length
          FROM hits h WHERE NOT h.simple GROUP BY h.movie_id, h.place) h
    JOIN places p ON p.place = h.place
    WHERE h.found >= p.needed
      AND (coalesce(p.phrase, p.condition) IS NULL OR EXISTS (
          SELECT FROM movie_search s
          WHERE s.movie_id = h.movie_id
            AND coalesce(s.tsv @@ p.phrase, true) AND coalesce(s.tsv @@ p.condition, true)))
), scored AS (
    SELECT w.movie_id, sum(w.points) + coalesce((query ->> 'base')::double precision, 0) AS bm25
    FROM (
        SELECT f.movie_id, 0::double precision AS points FROM films f
        UNION ALL
        SELECT h.movie_id, h.points FROM hits h WHERE h.simple AND h.alone
        UNION ALL
        SELECT s.movie_id, (1 - s.tie) * max(s.points) + s.tie * sum(s.points)
        FROM place_scores s GROUP BY s.movie_id, s.word, s.tie
    ) w
    GROUP BY w.movie_id
)
SELECT s.movie_id, s.bm25, (SELECT c.relaxed FROM chosen c)
FROM scored s
ORDER BY s.bm25 DESC, s.movie_id
LIMIT n
$$;

-- The words of a title as it is typed: {"lord", "ri"} is lord and (ri or ri*).
CREATE OR REPLACE FUNCTION suggestion_query(prefix text) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
SELECT CASE WHEN cardinality(t.words) = 0 THEN '{"words": [], "match": ["-"]}'::jsonb ELSE jsonb_build_object(
    'words', (SELECT jsonb_agg(jsonb_build_object(
                  'kind', 'match', 'text', w.word, 'fields', '{"title": 1.0}'::jsonb) ORDER BY w.number)
              FROM unnest(t.words) WITH ORDINALITY w (word, number))
        || jsonb_build_object('kind', 'prefix', 'text', t.words[cardinality(t.words)],
                              'fields', '{"title": 1.0}'::jsonb, 'score', 1.0),
    'match', (SELECT coalesce(jsonb_agg(x.token ORDER BY x.number, x.place), '[]')
              FROM (SELECT number, place, CASE place WHEN 1 THEN to_jsonb(number) ELSE '"&"' END AS token
                    FROM generate_series(0, cardinality(t.words) - 2) number, generate_series(1, 2) place) x)
        || jsonb_build_array('(', cardinality(t.words) - 1, '|', cardinality(t.words), ')')) END
FROM (SELECT string_to_array(trim(search_clean(left(prefix, 200))), ' ') AS words) t
$$;

-- Titles that hold the words typed, the last one perhaps only begun. Titles that begin so come
-- first, then the most rated.
CREATE OR REPLACE FUNCTION suggest_titles(prefix text, k integer DEFAULT 10)
RETURNS TABLE (movie_id bigint, title text, year integer, bm25 double precision)
LANGUAGE sql STABLE AS $$
SELECT m.movie_id, m.title, m.year, c.bm25
FROM search_candidates(suggestion_query(prefix), 100000) c
JOIN movies m ON m.movie_id = c.movie_id
ORDER BY begins_with(m.title, ltrim(prefix)) DESC, m.rating_count DESC, c.bm25 DESC, m.movie_id
LIMIT k
$$;

-- parse_query(): what people type at psql. Plain words and "phrases" are read as the service reads
-- them. So are the usual operators: AND, OR, NOT, + and -, parentheses, field:word, field:"a b",
-- year:1999, year:>1999, year:[2000 TO 2020], matr*, "lord rings"~2, lord^2. Text that these do not
-- explain is searched as plain words.
CREATE OR REPLACE FUNCTION query_fields() RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT '{"title": 3.0, "original_title": 2.0, "director": 1.5, "actors": 1.5, "keywords": 1.0,
         "genres": 1.0, "overview": 1.0}'::jsonb
$$;

CREATE OR REPLACE FUNCTION query_word(
    kind text, words text, field text DEFAULT NULL, boost double precision DEFAULT 1
) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT jsonb_build_object('kind', kind, 'text', words)
    || CASE WHEN field IS NULL THEN jsonb_build_object('fields', query_fields(), 'tie', 0.1)
            ELSE jsonb_build_object('fields', jsonb_build_object(field, 1.0)) END
    || CASE WHEN kind = 'prefix' THEN '{"score": 1.0}'::jsonb ELSE '{}' END
    || CASE WHEN boost <> 1 THEN jsonb_build_object('boost', boost) ELSE '{}' END
$$;

CREATE OR REPLACE FUNCTION query_of_words(q text, operator text) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
SELECT CASE count(*)
    WHEN 0 THEN '{"words": [], "match": ["-"]}'::jsonb
    ELSE jsonb_build_object(
        'words', jsonb_agg(query_word(CASE WHEN w.phrase THEN 'phrase' ELSE 'match' END, w.words) ORDER BY w.number),
        'match', CASE count(*) WHEN 1 THEN '[0]'::jsonb ELSE
            '["("]'::jsonb
            || (SELECT jsonb_agg(t.token ORDER BY o.number, t.place)
                FROM parse_words(q) o
                CROSS JOIN LATERAL (VALUES (1, to_jsonb(operator)), (2, to_jsonb(o.number))) t (place, token)
                WHERE o.number > 0 OR t.place = 2)
            || '[")"]'::jsonb END) END
FROM parse_words(q) w
$$;

CREATE OR REPLACE FUNCTION parse_query(q text) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF has_operators(q) THEN
        RETURN coalesce(parse_operators(left(q, 2000)), query_of_words(without_fields(q), '&'));
    END IF;
    RETURN query_of_words(q, '&');
END $$;

CREATE OR REPLACE FUNCTION parse_query_loose(q text) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF has_operators(q) OR (SELECT count(*) FROM parse_words(q)) < 2 THEN
        RETURN NULL;
    END IF;
    RETURN query_of_words(q, '|');
END $$;

-- Text with operators, NULL where they do not fit together. The level of a parenthesis is written
-- "( ( a | b ) & ( c ) )", because words side by side bind less than OR does.
CREATE OR REPLACE FUNCTION parse_operators(q text) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
DECLARE
    rest text := q;
    words jsonb := '[]';
    match jsonb := '["("]';
    depth integer := 0;
    silent integer;          -- depth at which a NOT began
    negated boolean := false;
    complete boolean := false;  -- the last token was an operand
    part text[];
    word jsonb;
    taken integer;
BEGIN
    LOOP
        rest := ltrim(rest, E' \t\r\n');
        EXIT WHEN rest = '';
        part := regexp_match(rest, '^(?:(AND|OR|NOT)(?=[\s(]|$)|([-+(]|\)|\*(?=[\s)]|$)))');
        IF part[1] IN ('AND', 'OR') THEN
            IF NOT complete THEN RETURN NULL; END IF;
            match := match || to_jsonb(CASE part[1] WHEN 'AND' THEN '&' ELSE '|' END);
            complete := false;
        ELSIF part[2] = ')' THEN
            IF NOT complete OR depth = 0 THEN RETURN NULL; END IF;
            match := match || '[")", ")"]'::jsonb;
            depth := depth - 1;
            IF silent > depth THEN silent := NULL; END IF;
        ELSE
            IF complete THEN match := match || '[")", "&", "("]'::jsonb; END IF;
            complete := false;
            IF part[1] = 'NOT' OR part[2] = '-' THEN
                match := match || '["!"]'::jsonb;
                negated := true;
            ELSIF part[2] = '(' THEN
                match := match || '["(", "("]'::jsonb;
                depth := depth + 1;
                IF negated THEN silent := coalesce(silent, depth); END IF;
                negated := false;
            ELSIF part[2] = '*' THEN
                match := match || '["*"]'::jsonb;
                negated := false;
                complete := true;
            ELSIF part[2] IS NULL THEN
                SELECT o.word, o.length INTO word, taken FROM parse_operand(rest) o;
                IF word IS NULL THEN RETURN NULL; END IF;
                IF negated OR silent IS NOT NULL THEN word := word || '{"scores": false}'; END IF;
                match := match || to_jsonb(jsonb_array_length(words));
                words := words || word;
                rest := substr(rest, taken + 1);
                negated := false;
                complete := true;
                CONTINUE;
            END IF;
        END IF;
        rest := substr(rest, length(coalesce(part[1], part[2])) + 1);
    END LOOP;
    IF NOT complete OR depth <> 0 THEN RETURN NULL; END IF;
    RETURN jsonb_build_object('words', words, 'match', match || '[")"]'::jsonb);
END $$;

-- The word at the start of a text, and how many characters it takes; no row when it is none.
CREATE OR REPLACE FUNCTION parse_operand(rest text) RETURNS TABLE (word jsonb, length integer)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    field_name text := lower((regexp_match(rest, '^([A-Za-z_]+):'))[1]);
    place record;
    body text := rest;
    part text[];
BEGIN
    SELECT f.field, f.kind, f.width INTO place FROM search_fields() f WHERE f.field = field_name;
    IF field_name IS NOT NULL THEN
        IF place.field IS NULL THEN RETURN; END IF;
        body := substr(rest, length(field_name) + 2);
    END IF;
    IF place.kind = 'number' THEN
        part := regexp_match(body, '^(([\[{])\s*(\d{1,18}(?:\.\d+)?|\*)\s+TO\s+(\d{1,18}(?:\.\d+)?|\*)\s*([\]}]))');
        IF part IS NULL THEN
            part := regexp_match(body, '^((>=?|<=?|)(\d{1,18}(?:\.\d+)?|\*))(?=[\s()]|$)');
            IF part IS NULL THEN RETURN; END IF;
            part := CASE left(part[2], 1)
                WHEN '>' THEN ARRAY[part[1], CASE part[2] WHEN '>' THEN '{' ELSE '[' END, part[3], '*', ']']
                WHEN '<' THEN ARRAY[part[1], '[', '*', part[3], CASE part[2] WHEN '<' THEN '}' ELSE ']' END]
                ELSE ARRAY[part[1], '[', part[3], part[3], ']'] END;
        END IF;
        word := query_range(field_name, part[2], part[3], part[4], part[5]);
    ELSE
        part := regexp_match(body, '^("([^"]*)"(?:~(\d))?(?:\^(\d+(?:\.\d+)?))?)(?=[\s()]|$)');
        IF part IS NOT NULL THEN
            word := query_word('phrase', part[2], field_name, coalesce(part[4], '1')::double precision)
                || query_slop(part[2], coalesce(part[3], '0')::integer);
        ELSE
            part := regexp_match(body, '^(([^\s()"^~*:\[\]{}<>]+)(\*|~0)?(?:\^(\d+(?:\.\d+)?))?)(?=[\s()]|$)');
            IF part IS NULL THEN RETURN; END IF;
            word := query_word(CASE part[3] WHEN '*' THEN 'prefix' ELSE 'match' END, part[2], field_name,
                               coalesce(part[4], '1')::double precision);
        END IF;
    END IF;
    length := length(rest) - length(body) + length(part[1]);
    RETURN NEXT;
END $$;

-- Positions that the words of a phrase may have when they are moved by so many at most.
CREATE OR REPLACE FUNCTION query_slop(words text, slop integer) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
WITH RECURSIVE phrase AS (
    SELECT cardinality(string_to_array(trim(search_clean(words)), ' ')) AS length
), arrangement (positions, moved) AS (
    SELECT ARRAY[0], 0
    UNION ALL
    SELECT a.positions || a.positions[cardinality(a.positions)] + 1 + step, a.moved + abs(step)
    FROM arrangement a CROSS JOIN phrase p CROSS JOIN generate_series(-slop, slop) step
    WHERE cardinality(a.positions) < p.length AND a.moved + abs(step) <= slop
      AND a.positions[cardinality(a.positions)] + 1 + step <> ALL (a.positions)
)
SELECT CASE WHEN slop = 0 OR p.length NOT BETWEEN 2 AND 5 THEN '{}'::jsonb ELSE
    jsonb_build_object('arrangements', (
        SELECT jsonb_agg(to_jsonb(x.positions)) FROM (
            SELECT a.positions FROM arrangement a
            WHERE cardinality(a.positions) = p.length ORDER BY a.moved, a.positions LIMIT 64) x)) END
FROM phrase p
$$;

-- A range in whole units of its field (avg_rating: millionths), both ends included.
CREATE OR REPLACE FUNCTION query_range(field text, opening text, low text, high text, closing text)
RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
SELECT jsonb_build_object('kind', 'range', 'fields', jsonb_build_object(field, 1.0), 'scores', false,
    'low', CASE WHEN low = '*' THEN 0
                WHEN opening = '[' THEN ceil(low::numeric * unit) ELSE floor(low::numeric * unit) + 1 END,
    'high', CASE WHEN high = '*' THEN 9223372036854775807
                 WHEN closing = ']' THEN floor(high::numeric * unit) ELSE ceil(high::numeric * unit) - 1 END)
FROM (SELECT CASE field WHEN 'avg_rating' THEN 1000000 ELSE 1 END AS unit) u
$$;
