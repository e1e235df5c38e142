-- Queries as sql/engines/postgres.py compiles them: from jsonb to one tsquery, and to scores.

-- A phrase of several words. arrangements: positions that its words may have, for slop.
CREATE OR REPLACE FUNCTION search_phrase(lexemes text[], arrangements jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE BEGIN ATOMIC
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
    '(' || array_to_string(ARRAY(SELECT search_quote(x) FROM unnest(lexemes) x), '<->') || ')');
END;

-- Infix tokens and the words' tsqueries to one tsquery. '0:' is a lexeme that no film has.
CREATE OR REPLACE FUNCTION search_expression(match jsonb, words jsonb) RETURNS tsquery
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
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
LANGUAGE plpgsql STABLE ROWS 10 SET search_path FROM CURRENT AS $$
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
LANGUAGE sql IMMUTABLE PARALLEL SAFE BEGIN ATOMIC
SELECT idf * 2.2::double precision * tf / (tf + 0.3::double precision + relative_length);
END;

-- Every film that matches.
CREATE OR REPLACE FUNCTION search_matches(query jsonb) RETURNS TABLE (movie_id bigint)
LANGUAGE sql STABLE BEGIN ATOMIC
SELECT s.movie_id
FROM movie_search s
WHERE s.tsv @@ (
    SELECT search_expression(query -> 'match', jsonb_object_agg(w.word, w.tsq))
    FROM (SELECT p.word, string_agg(p.tsq, '|') AS tsq FROM search_places(query) p GROUP BY p.word) w);
END;

-- The n best films by BM25, ties by movie_id. `loose` is asked instead when `query` finds fewer
-- than k films; `relaxed` says which ones only it found. Films that `unseen_by` rated under `profile` are left out before the limit.
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
LANGUAGE sql STABLE BEGIN ATOMIC
WITH strict_places AS MATERIALIZED (
    SELECT * FROM search_places(query)
), strict_words AS MATERIALIZED (
    SELECT jsonb_object_agg(w.word, w.tsq) AS words
    FROM (SELECT p.word, string_agg(p.tsq, '|') AS tsq FROM strict_places p GROUP BY p.word) w
), strict AS MATERIALIZED (
    SELECT s.movie_id
    FROM movie_search s
    WHERE s.tsv @@ (SELECT search_expression(query -> 'match', w.words) FROM strict_words w)
      AND NOT EXISTS (SELECT FROM seen_movies r
                      WHERE r.user_id = unseen_by AND r.profile = search_candidates.profile
                        AND r.movie_id = s.movie_id)
), chosen AS MATERIALIZED (
    SELECT loose IS NOT NULL AND (SELECT count(*) FROM strict) < least(k, n) AS relaxed
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
      AND NOT EXISTS (SELECT FROM seen_movies r
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
SELECT s.movie_id, s.bm25,
       (SELECT c.relaxed FROM chosen c) AND s.movie_id NOT IN (SELECT t.movie_id FROM strict t)
FROM scored s
ORDER BY s.bm25 DESC, s.movie_id
LIMIT n;
END;
