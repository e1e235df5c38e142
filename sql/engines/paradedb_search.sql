-- BM25 by ParadeDB's pg_search: the `paradedb` engine's side of the seam.
--
-- Every function is one SELECT that PostgreSQL inlines. A ranked branch is a query of its own that
-- matches, orders by pdb.score() and limits, and nothing else: this is what lets pg_search read only
-- the best films (TopN). Whether a branch is wanted is asked around it, never beside the match:
-- a condition on parameters there, such as `unseen_by IS NULL` with users from another table, would
-- keep pg_search's scan from being used at all. For the same reason seen and unseen films are two
-- branches: NOT EXISTS beside the match costs everybody TopN.
--
-- The query is always asked as (SELECT query): a bare `@@@ query` is not evaluated again where a
-- materialized CTE is scanned again, and gives the first row's films for every row of a LATERAL.
--
-- What names its operators is kept as a text: ALTER EXTENSION pg_search UPDATE may drop none of them that
-- a body is bound to.

-- Every film that matches.
CREATE OR REPLACE FUNCTION search_matches(query jsonb) RETURNS TABLE (movie_id bigint)
LANGUAGE sql STABLE AS $$
SELECT m.movie_id FROM movies m WHERE m.movie_id @@@ (SELECT query)
$$;

-- The n best films of one query; those that `unseen_by` rated are left out before the limit.
CREATE OR REPLACE FUNCTION best_matches(query jsonb, n integer, unseen_by bigint, profile text)
RETURNS TABLE (movie_id bigint, bm25 real)
LANGUAGE sql STABLE AS $$
SELECT b.movie_id, b.bm25
FROM (
    SELECT m.movie_id, pdb.score(m.movie_id) AS bm25
    FROM movies m
    WHERE m.movie_id @@@ (SELECT query)
    ORDER BY pdb.score(m.movie_id) DESC, m.movie_id
    LIMIT n
) b
WHERE unseen_by IS NULL
UNION ALL
SELECT b.movie_id, b.bm25
FROM (
    SELECT m.movie_id, pdb.score(m.movie_id) AS bm25
    FROM movies m
    WHERE m.movie_id @@@ (SELECT query)
      AND NOT EXISTS (SELECT FROM seen_movies r
                      WHERE r.user_id = unseen_by AND r.profile = best_matches.profile
                        AND r.movie_id = m.movie_id)
    ORDER BY pdb.score(m.movie_id) DESC, m.movie_id
    LIMIT n
) b
WHERE unseen_by IS NOT NULL
$$;

-- The n best films by BM25, ties by movie_id. `loose` is asked instead when `query` finds fewer
-- than k films; `relaxed` says which ones only it found. Films that `unseen_by` rated under
-- `profile` are left out before the limit.
CREATE OR REPLACE FUNCTION search_candidates(
    query     jsonb,
    n         integer DEFAULT 100,
    loose     jsonb   DEFAULT NULL,
    k         integer DEFAULT 10,
    unseen_by bigint  DEFAULT NULL,
    profile   text    DEFAULT 'main'
) RETURNS TABLE (movie_id bigint, bm25 double precision, relaxed boolean)
LANGUAGE sql STABLE BEGIN ATOMIC
WITH strict AS MATERIALIZED (
    SELECT b.movie_id, b.bm25 FROM best_matches(query, n, unseen_by, search_candidates.profile) b
), looser AS MATERIALIZED (
    SELECT b.movie_id, b.bm25
    FROM best_matches(coalesce(loose, '{"empty": null}'), n, unseen_by, search_candidates.profile) b
    WHERE loose IS NOT NULL AND (SELECT count(*) FROM strict) < least(k, n)
)
SELECT c.movie_id, c.bm25::double precision, c.relaxed
FROM (
    SELECT s.movie_id, s.bm25, false AS relaxed FROM strict s
    WHERE loose IS NULL OR (SELECT count(*) FROM strict) >= least(k, n)
    UNION ALL
    SELECT l.movie_id, l.bm25, l.movie_id NOT IN (SELECT s.movie_id FROM strict s) FROM looser l
) c
ORDER BY c.bm25 DESC, c.movie_id;
END;

-- parse_query(): what people type at psql. Plain words and "phrases" give the query that the
-- service compiles; anything with operators goes to ParadeDB's own parser, leniently. Its traps:
-- `a AND NOT b` and `title:lor*` find nothing, an unknown field finds everything.
CREATE OR REPLACE FUNCTION query_item(phrase boolean, words text) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
SELECT jsonb_build_object('disjunction_max', jsonb_build_object(
    'tie_breaker', 0.1,
    'disjuncts', jsonb_agg(
        CASE WHEN f.boost = 1 THEN q.query
             ELSE jsonb_build_object('boost', jsonb_build_object('factor', f.boost, 'query', q.query))
        END ORDER BY f.place)))
FROM (VALUES (1, 'title_folded', 3.0), (2, 'original_title_folded', 2.0), (3, 'director', 1.5),
             (4, 'actors', 1.5), (5, 'keywords', 1.0), (6, 'genres', 1.0), (7, 'overview_folded', 1.0)
      UNION ALL
      SELECT 7 + row_number() OVER (ORDER BY o.name), o.name, o.boost::numeric
      FROM own_fields o WHERE o.boost IS NOT NULL)
     f (place, field, boost)
CROSS JOIN LATERAL (SELECT CASE WHEN f.field NOT LIKE '%folded' THEN query_item.words
                                WHEN query_item.phrase THEN trim(search_clean(query_item.words))
                                ELSE fold(query_item.words) END AS text) t
CROSS JOIN LATERAL (SELECT CASE
    WHEN query_item.phrase AND t.text = '' THEN '{"empty": null}'::jsonb
    WHEN query_item.phrase AND t.text NOT LIKE '% %'
    THEN jsonb_build_object('match', jsonb_build_object('field', f.field, 'value', t.text))
    WHEN query_item.phrase AND f.field <> 'genres' AND octet_length(t.text) <= 255
         AND octet_length(t.text) = length(t.text)
    THEN jsonb_build_object('phrase', jsonb_build_object(
        'field', f.field, 'phrases', to_jsonb(string_to_array(t.text, ' '))))
    -- Of other words the index may keep none, which a list of words must not hold.
    WHEN query_item.phrase AND f.field <> 'genres'
    THEN jsonb_build_object('tokenized_phrase', jsonb_build_object(
        'field', f.field, 'phrase', t.text))
    ELSE jsonb_build_object('match', jsonb_build_object('field', f.field, 'value', t.text))
END AS query) q;
END;

CREATE OR REPLACE FUNCTION query_of_words(q text, operator text) RETURNS jsonb
LANGUAGE sql STABLE BEGIN ATOMIC
SELECT CASE count(*)
    WHEN 0 THEN '{"empty": null}'::jsonb
    WHEN 1 THEN jsonb_agg(query_item(w.phrase, w.words)) -> 0
    ELSE jsonb_build_object('boolean', jsonb_build_object(
        operator, jsonb_agg(query_item(w.phrase, w.words) ORDER BY w.number))) END
FROM parse_words(q) w;
END;

CREATE OR REPLACE FUNCTION parse_query(q text) RETURNS jsonb
LANGUAGE sql STABLE BEGIN ATOMIC
SELECT CASE WHEN has_operators(q)
    THEN jsonb_build_object('parse', jsonb_build_object(
        'query_string', read_capitals(q), 'lenient', true))
    ELSE query_of_words(q, 'must') END;
END;

CREATE OR REPLACE FUNCTION parse_query_loose(q text) RETURNS jsonb
LANGUAGE sql STABLE BEGIN ATOMIC
SELECT CASE WHEN NOT has_operators(q) AND (SELECT count(*) FROM parse_words(q)) > 1
    THEN query_of_words(q, 'should') END;
END;
