-- recommend(): films that a user has neither seen nor turned away, mixed from several sources.
--
-- Candidates are the best `candidates` films of each source, of ann and recent, which take longest, half as
-- many:
--   ann         nearest to the taste             recent      nearest to what was liked last
--   collab      by factors of the active model   popularity  most rated
--   trending    taken up more than before        vote        best rated
--   alike       nearest to given films           query       found by a text
--   neighbours  lately liked by people of alike taste
-- They are scored together: content, collaborative and popularity as search() scales them, and trending,
-- vote, novelty, alike and bm25, each in [0, 1] times its weight. Without a user, or for one of whom
-- nothing is known, the others order.

DO $$
DECLARE f regprocedure;
BEGIN
    FOR f IN SELECT p.oid FROM pg_proc p
             WHERE p.proname IN ('recommend', 'recommend_candidates')
               AND p.pronamespace = current_schema()::regnamespace
               AND 'for_user' = ANY (p.proargnames)  -- a neighbour's has other arguments
    LOOP EXECUTE format('DROP FUNCTION %s', f); END LOOP;
END $$;

-- The weights that a call mixes by: its own, else those of `mixer`, else those of `blend`.
CREATE OR REPLACE FUNCTION mixer_weights(weights jsonb DEFAULT NULL) RETURNS jsonb
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
SELECT (to_jsonb(b) || jsonb_strip_nulls(to_jsonb(m)) || jsonb_strip_nulls(coalesce($1, '{}'))) - '{only_one,semantic}'::text[]
FROM blend b CROSS JOIN mixer m
WHERE CASE
    WHEN $1 IS NULL THEN true
    WHEN NOT are_weights($1, '{bm25,content,collaborative,popularity,trending,vote,novelty,alike}')
    THEN refuse_argument('weights', $1::text, 'bm25, content, collaborative, popularity, trending, '
                         'vote, novelty, alike, each a number from 0 to 100') IS NULL
    ELSE true END
$$;

CREATE FUNCTION recommend_candidates(
    for_user   bigint,
    profile    text     DEFAULT 'main',
    candidates integer  DEFAULT 100,
    seen       text     DEFAULT 'drop',
    filter     jsonb    DEFAULT NULL,
    alike_to   bigint[] DEFAULT NULL,
    query      jsonb    DEFAULT NULL,
    exclude    bigint[] DEFAULT NULL
) RETURNS TABLE (movie_id bigint, sources text[], bm25 double precision) LANGUAGE sql STABLE BEGIN ATOMIC
WITH person AS MATERIALIZED (
    SELECT * FROM known_taste(for_user, recommend_candidates.profile)
), only_these AS MATERIALIZED (
    SELECT f.movie_id FROM search_matches(filter) f WHERE filter IS NOT NULL
), none_of AS MATERIALIZED (
    SELECT r.movie_id FROM refused_movies(for_user, recommend_candidates.profile) r
    UNION
    SELECT s.movie_id FROM seen_movies s
    WHERE seen = 'drop' AND s.user_id = for_user AND s.profile = recommend_candidates.profile
    UNION
    SELECT unnest(array_remove(exclude || alike_to, NULL))
), wanted AS MATERIALIZED (
    SELECT CASE WHEN filter IS NOT NULL THEN ARRAY(SELECT o.movie_id FROM only_these o) END AS only_these,
           ARRAY(SELECT n.movie_id FROM none_of n) AS none_of,
           muted_genres(for_user, recommend_candidates.profile) AS no_genres
), direction AS MATERIALIZED (
    SELECT (SELECT p.embedding FROM person p) AS taste,
           (SELECT l2_normalize(sum(scale(v.content, r.weight)))
            FROM (SELECT l.movie_id, coalesce(l.weight, taste_weight(l.rating, l.middle)) AS weight
                  FROM ratings_of(for_user, recommend_candidates.profile) l
                  WHERE coalesce(l.weight, taste_weight(l.rating, l.middle)) > 0
                  ORDER BY l.later, l.movie_id LIMIT 10) r
            JOIN movie_vectors v USING (movie_id)) AS lately,
           (SELECT l2_normalize(sum(v.content)) FROM movie_vectors v WHERE v.movie_id = ANY (alike_to)) AS given
), matching AS MATERIALIZED (
    SELECT c.movie_id, c.bm25 FROM search_candidates(query, candidates) c WHERE query IS NOT NULL
), found AS (
    SELECT 'popularity' AS source, m.movie_id
    FROM wanted w CROSS JOIN LATERAL popular_movies(candidates, w.only_these, w.none_of, w.no_genres) m
    UNION ALL
    SELECT d.source, m.movie_id
    FROM wanted w CROSS JOIN direction n
    CROSS JOIN LATERAL (VALUES ('ann', n.taste, candidates - candidates / 2),
                               ('recent', n.lately, candidates - candidates / 2),
                               ('alike', n.given, candidates)) d (source, direction, films)
    CROSS JOIN LATERAL nearest_movies(d.direction, d.films, w.only_these, w.none_of, w.no_genres) m
    WHERE vector_norm(d.direction) > 0
    UNION ALL
    SELECT 'collab', m.movie_id
    FROM wanted w JOIN person p ON p.factors IS NOT NULL
    CROSS JOIN LATERAL movies_by_factors(p.model_id, p.factors, candidates, w.only_these, w.none_of, w.no_genres) m
    UNION ALL
    (SELECT 'trending', t.movie_id FROM movie_trends t
     WHERE (filter IS NULL OR t.movie_id IN (SELECT o.movie_id FROM only_these o))
       AND t.movie_id NOT IN (SELECT n.movie_id FROM none_of n)
       AND ((SELECT w.no_genres FROM wanted w) IS NULL OR (
           SELECT g.genres && (SELECT w.no_genres FROM wanted w) FROM movies g WHERE g.movie_id = t.movie_id) IS NOT TRUE)
     ORDER BY t.trending DESC, t.movie_id LIMIT candidates)
    UNION ALL
    (SELECT 'vote', s.movie_id FROM movie_stats s
     WHERE (filter IS NULL OR s.movie_id IN (SELECT o.movie_id FROM only_these o))
       AND s.movie_id NOT IN (SELECT n.movie_id FROM none_of n)
       AND ((SELECT w.no_genres FROM wanted w) IS NULL OR (
           SELECT g.genres && (SELECT w.no_genres FROM wanted w) FROM movies g WHERE g.movie_id = s.movie_id) IS NOT TRUE)
     ORDER BY (coalesce(s.avg_rating, 3.5) * s.rating_count + 87.5) / (s.rating_count + 25) DESC,
              s.movie_id
     LIMIT candidates)
    UNION ALL
    (SELECT 'neighbours', l.movie_id
     FROM neighbour_likes n CROSS JOIN unnest(n.movie_ids) WITH ORDINALITY l (movie_id, place)
     WHERE n.user_id = for_user AND n.profile = recommend_candidates.profile
       AND (filter IS NULL OR l.movie_id IN (SELECT o.movie_id FROM only_these o))
       AND l.movie_id NOT IN (SELECT x.movie_id FROM none_of x)
       AND ((SELECT w.no_genres FROM wanted w) IS NULL OR (
           SELECT g.genres && (SELECT w.no_genres FROM wanted w) FROM movies g WHERE g.movie_id = l.movie_id) IS NOT TRUE)
       AND EXISTS (SELECT FROM movies m WHERE m.movie_id = l.movie_id)
     ORDER BY l.place LIMIT candidates)
    UNION ALL
    SELECT 'query', m.movie_id FROM matching m
    WHERE (filter IS NULL OR m.movie_id IN (SELECT o.movie_id FROM only_these o))
      AND m.movie_id NOT IN (SELECT n.movie_id FROM none_of n)
      AND ((SELECT w.no_genres FROM wanted w) IS NULL OR (
          SELECT g.genres && (SELECT w.no_genres FROM wanted w) FROM movies g WHERE g.movie_id = m.movie_id) IS NOT TRUE)
)
SELECT f.movie_id, array_agg(f.source ORDER BY f.source), (SELECT m.bm25 FROM matching m WHERE m.movie_id = f.movie_id)
FROM found f
GROUP BY f.movie_id;
END;

CREATE FUNCTION recommend(
    for_user   bigint,
    profile    text     DEFAULT 'main',
    k          integer  DEFAULT 10,
    candidates integer  DEFAULT 100,
    weights    jsonb    DEFAULT NULL,
    seen       text     DEFAULT 'drop',
    filter     jsonb    DEFAULT NULL,
    alike_to   bigint[] DEFAULT NULL,
    query      jsonb    DEFAULT NULL,
    exclude    bigint[] DEFAULT NULL
) RETURNS TABLE (
    rank                       bigint,
    movie_id                   bigint,
    title                      text,
    year                       integer,
    score                      double precision,
    bm25                       double precision,
    content                    double precision,
    collaborative              double precision,
    popularity                 double precision,
    trending                   double precision,
    vote                       double precision,
    novelty                    double precision,
    alike                      double precision,
    bm25_contribution          double precision,
    content_contribution       double precision,
    collaborative_contribution double precision,
    popularity_contribution    double precision,
    trending_contribution      double precision,
    vote_contribution          double precision,
    novelty_contribution       double precision,
    alike_contribution         double precision,
    unpersonalized_rank        bigint,
    moved                      bigint,
    rating                     real,
    personalized               boolean,
    sources                    text[]
) LANGUAGE sql STABLE BEGIN ATOMIC
WITH weight AS MATERIALIZED (
    SELECT w.*
    FROM mixer_weights(recommend.weights) m
    CROSS JOIN jsonb_to_record(m) w (
        bm25 double precision, content double precision, collaborative double precision,
        popularity double precision, trending double precision, vote double precision,
        novelty double precision, alike double precision)
    WHERE CASE WHEN seen NOT IN ('keep', 'mark', 'drop')
               THEN refuse_argument('seen', seen, 'keep, mark, drop') IS NULL ELSE true END
), candidate AS MATERIALIZED (
    SELECT * FROM recommend_candidates(for_user, recommend.profile, greatest(positive('candidates', candidates), k), seen, filter,
                                       alike_to, query, exclude)
), given AS MATERIALIZED (
    SELECT l2_normalize(sum(v.content)) AS direction FROM movie_vectors v WHERE v.movie_id = ANY (alike_to)
), person AS MATERIALIZED (
    SELECT * FROM known_taste(for_user, recommend.profile)
), stats AS MATERIALIZED (
    -- All candidates at once by their keys, which reads half the pages that one at a time reads.
    SELECT m.movie_id, m.popularity AS crowd,
           (coalesce(m.avg_rating, 3.5) * m.rating_count + 87.5) / (m.rating_count + 25) AS vote
    FROM movie_stats m WHERE m.movie_id = ANY (ARRAY(SELECT c.movie_id FROM candidate c))
), near AS MATERIALIZED (
    SELECT v.movie_id, -(v.content <#> (SELECT p.embedding FROM person p)) AS cosine,
           -(v.content <#> (SELECT g.direction FROM given g)) AS nearness
    FROM movie_vectors v WHERE v.movie_id = ANY (ARRAY(SELECT c.movie_id FROM candidate c))
), suiting AS MATERIALIZED (
    SELECT o.movie_id, -(o.factors_out <#> p.factors) AS affinity
    FROM person p JOIN movie_factors o USING (model_id)
    WHERE o.movie_id = ANY (ARRAY(SELECT c.movie_id FROM candidate c))
), measured AS MATERIALIZED (
    SELECT c.movie_id, c.sources, c.bm25 AS text_score, p.embedding IS NOT NULL AS has_content,
           p.factors IS NOT NULL AS has_factors, p.strength, v.cosine, v.nearness, s.crowd, s.vote,
           t.trending AS trend, o.affinity
    FROM candidate c
    LEFT JOIN person p ON true
    LEFT JOIN movie_trends t USING (movie_id)
    LEFT JOIN stats s USING (movie_id)
    LEFT JOIN near v USING (movie_id)
    LEFT JOIN suiting o USING (movie_id)
), scaled AS (
    SELECT m.*,
           CASE WHEN recommend.query IS NOT NULL
                THEN coalesce(m.text_score / nullif(max(m.text_score) OVER (), 0), 0) END AS bm25,
           CASE WHEN m.has_content THEN
               m.strength * coalesce((m.cosine - min(m.cosine) OVER ())
                   / nullif(max(m.cosine) OVER () - min(m.cosine) OVER (), 0), 0.5) END AS content,
           CASE WHEN m.has_factors THEN
               m.strength * coalesce((m.affinity - min(m.affinity) OVER ())
                   / nullif(max(m.affinity) OVER () - min(m.affinity) OVER (), 0), 0.5) END AS collaborative,
           coalesce((m.crowd - min(m.crowd) OVER ())
               / nullif(max(m.crowd) OVER () - min(m.crowd) OVER (), 0), 0.5) AS popularity,
           coalesce(m.trend / nullif(max(m.trend) OVER (), 0), 0) AS trending,
           coalesce((m.vote - min(m.vote) OVER ())
               / nullif(max(m.vote) OVER () - min(m.vote) OVER (), 0), 0.5) AS votes,
           CASE WHEN cardinality(alike_to) > 0
                THEN coalesce((m.nearness - min(m.nearness) OVER ())
                    / nullif(max(m.nearness) OVER () - min(m.nearness) OVER (), 0), 0.5) END AS alike
    FROM measured m
), contributed AS (
    SELECT s.*, coalesce(w.bm25 * s.bm25, 0) AS bm25_c, coalesce(w.content * s.content, 0) AS content_c,
           coalesce(w.collaborative * s.collaborative, 0) AS collaborative_c,
           w.popularity * s.popularity AS popularity_c, w.trending * s.trending AS trending_c,
           w.vote * s.votes AS vote_c, w.novelty * (1 - s.popularity) AS novelty_c,
           coalesce(w.alike * s.alike, 0) AS alike_c
    FROM scaled s CROSS JOIN weight w
), ranked AS (
    -- Statistics, trends and factors may tell of a film that is deleted since: it has no row in movies.
    SELECT c.*, m.title, m.year, t.total, row_number() OVER (ORDER BY p.plain DESC, c.movie_id) AS plain_place
    FROM contributed c JOIN movies m USING (movie_id)
    CROSS JOIN LATERAL (SELECT c.bm25_c + c.popularity_c + c.trending_c + c.vote_c + c.novelty_c + c.alike_c) p (plain)
    CROSS JOIN LATERAL (SELECT p.plain + c.content_c + c.collaborative_c) t (total)
    ORDER BY t.total DESC, c.movie_id
)
SELECT row_number() OVER best, r.movie_id, r.title, r.year, r.total, r.bm25, r.content, r.collaborative,
       r.popularity, r.trending, r.votes, 1 - r.popularity, r.alike, r.bm25_c, r.content_c, r.collaborative_c, r.popularity_c, r.trending_c, r.vote_c,
       r.novelty_c, r.alike_c, r.plain_place, r.plain_place - row_number() OVER best,
       (SELECT v.rating FROM ratings v WHERE v.user_id = for_user
            AND v.profile = recommend.profile AND v.movie_id = r.movie_id),
       r.has_content OR r.has_factors, r.sources
FROM ranked r
WINDOW best AS (ORDER BY r.total DESC, r.movie_id)
ORDER BY r.total DESC, r.movie_id
LIMIT CASE WHEN k IS NOT NULL THEN positive('k', k) END;  -- NULL: all
END;
