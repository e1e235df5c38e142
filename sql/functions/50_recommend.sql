-- recommend(): the films that a user has neither seen nor turned away, by the same blend as search(), without bm25.
--
-- The candidates are the best `candidates` films by each of popularity, content and
-- collaborative; search() weighs and scales what they have together, so its account of a score
-- holds here too. Without a user, or for one of whom nothing is known, popularity orders.

-- The films of these ids as search_candidates() takes a query: they score nothing.
CREATE OR REPLACE FUNCTION query_of_movies(ids bigint[]) RETURNS jsonb
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
SELECT CASE
    WHEN coalesce(cardinality(ids), 0) = 0 THEN parse_query('')
    WHEN to_regclass('movie_search') IS NULL THEN jsonb_build_object('const_score', jsonb_build_object(
        'score', 0.0, 'query', jsonb_build_object('boolean', jsonb_build_object('should',
            (SELECT jsonb_agg(jsonb_build_object('term', jsonb_build_object(
                'field', 'movie_id', 'value', i))) FROM unnest(ids) i)))))
    ELSE jsonb_build_object(
        'words', jsonb_build_array(jsonb_build_object(
            'kind', 'terms', 'scores', false, 'score', 0.0, 'fields', '{"movie_id": 1.0}'::jsonb,
            'terms', jsonb_build_object('movie_id',
                (SELECT jsonb_agg(lpad(i::text, 19, '0')) FROM unnest(ids) i)))),
        'match', '[0]'::jsonb)
END
$$;

CREATE OR REPLACE FUNCTION recommend_candidates(
    for_user   bigint,
    profile    text    DEFAULT 'main',
    candidates integer DEFAULT 100,
    seen       text    DEFAULT 'drop',
    filter     jsonb   DEFAULT NULL
) RETURNS TABLE (movie_id bigint) LANGUAGE sql STABLE AS $$
WITH person AS MATERIALIZED (
    SELECT u.embedding, e.mean, f.factors, f.model_id
    FROM users u
    LEFT JOIN embedding_model e ON u.embedding IS NOT NULL
    LEFT JOIN (user_factors f JOIN models a
               ON a.id = f.model_id AND a.kind = 'factors' AND a.state = 'active')
           ON f.user_id = u.user_id AND f.profile = u.profile AND f.rating_count > 0
    WHERE u.user_id = for_user AND u.profile = recommend_candidates.profile
), matching AS MATERIALIZED (
    SELECT f.movie_id FROM search_matches(filter) f WHERE filter IS NOT NULL
), pool AS MATERIALIZED (
    SELECT m.movie_id,
           (SELECT s.popularity FROM movie_stats s WHERE s.movie_id = m.movie_id) AS popularity,
           nullif(1 - ((m.embedding - p.mean) <=> p.embedding), 'NaN') AS cosine,
           (SELECT -(o.factors_out <#> p.factors) FROM movie_factors o
            WHERE o.movie_id = m.movie_id AND o.model_id = p.model_id) AS affinity
    FROM movies m
    LEFT JOIN person p ON true
    WHERE (filter IS NULL OR m.movie_id IN (SELECT f.movie_id FROM matching f))
      AND NOT (seen = 'drop' AND EXISTS (
          SELECT FROM seen_movies r WHERE r.user_id = for_user AND r.movie_id = m.movie_id
                                      AND r.profile = recommend_candidates.profile))
      AND m.movie_id NOT IN (SELECT t.movie_id FROM turned_away(for_user, recommend_candidates.profile) t)
)
(SELECT p.movie_id FROM pool p
 ORDER BY p.popularity DESC NULLS LAST, p.movie_id LIMIT candidates)
UNION
(SELECT p.movie_id FROM pool p WHERE p.cosine IS NOT NULL
 ORDER BY p.cosine DESC, p.movie_id LIMIT candidates)
UNION
(SELECT p.movie_id FROM pool p WHERE p.affinity IS NOT NULL
 ORDER BY p.affinity DESC, p.movie_id LIMIT candidates)
$$;

DO $$
DECLARE f regprocedure;
BEGIN
    FOR f IN SELECT p.oid FROM pg_proc p
             WHERE p.proname = 'recommend' AND p.pronamespace = current_schema()::regnamespace
               AND 'for_user' = ANY (p.proargnames)  -- a neighbour's has other arguments
    LOOP EXECUTE format('DROP FUNCTION %s', f); END LOOP;
END $$;

CREATE FUNCTION recommend(
    for_user   bigint,
    profile    text    DEFAULT 'main',
    k          integer DEFAULT 10,
    candidates integer DEFAULT 100,
    weights    jsonb   DEFAULT NULL,
    seen       text    DEFAULT 'drop',
    filter     jsonb   DEFAULT NULL
) RETURNS TABLE (
    rank                       bigint,
    movie_id                   bigint,
    title                      text,
    year                       integer,
    score                      double precision,
    content                    double precision,
    collaborative              double precision,
    popularity                 double precision,
    content_contribution       double precision,
    collaborative_contribution double precision,
    popularity_contribution    double precision,
    unpersonalized_rank        bigint,
    moved                      bigint,
    rating                     real,
    personalized               boolean
) LANGUAGE sql STABLE AS $$
SELECT s.rank, s.movie_id, s.title, s.year, s.score, s.content, s.collaborative, s.popularity,
       s.content_contribution, s.collaborative_contribution, s.popularity_contribution,
       s.unpersonalized_rank, s.moved, s.rating, s.personalized
FROM search(
    query      => query_of_movies(ARRAY(
                      SELECT c.movie_id
                      FROM recommend_candidates(for_user, recommend.profile, greatest(candidates, k),
                                                seen, filter) c)),
    for_user   => for_user,
    profile    => recommend.profile,
    k          => k,
    candidates => 3 * greatest(candidates, k),
    weights    => coalesce(weights, '{}') || '{"bm25": 0}',
    seen       => nullif(recommend.seen, 'drop')) s  -- dropped above; search() refuses any other
ORDER BY s.rank
$$;
