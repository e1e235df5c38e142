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
    SELECT u.embedding, f.factors, f.model_id
    FROM users u
    LEFT JOIN (user_factors f JOIN models a
               ON a.id = f.model_id AND a.kind = 'factors' AND a.state = 'active')
           ON f.user_id = u.user_id AND f.profile = u.profile AND f.rating_count > 0
    WHERE u.user_id = for_user AND u.profile = recommend_candidates.profile
), wanted AS MATERIALIZED (
    SELECT CASE WHEN filter IS NOT NULL
                THEN ARRAY(SELECT f.movie_id FROM search_matches(filter) f) END AS only_these,
           ARRAY(SELECT r.movie_id FROM seen_movies r
                 WHERE seen = 'drop' AND r.user_id = for_user
                   AND r.profile = recommend_candidates.profile
                 UNION ALL
                 SELECT t.movie_id
                 FROM turned_away(for_user, recommend_candidates.profile) t) AS none_of
)
SELECT m.movie_id FROM wanted w CROSS JOIN LATERAL popular_movies(candidates, w.only_these, w.none_of) m
UNION
SELECT m.movie_id
FROM wanted w JOIN person p ON p.embedding IS NOT NULL
CROSS JOIN LATERAL nearest_movies(p.embedding, candidates, w.only_these, w.none_of) m
UNION
SELECT m.movie_id
FROM wanted w JOIN person p ON p.factors IS NOT NULL
CROSS JOIN LATERAL movies_by_factors(p.model_id, p.factors, candidates, w.only_these, w.none_of) m
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
