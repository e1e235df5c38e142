-- search_features(): what a learned order is told of each candidate, beside what search() says.
--
-- Made from the hundred ratings that the user gave last, and from the active factors. A feature is a
-- column: add it to the table returned and, at the same place, to the SELECT, and its name to
-- SQL_FEATURES in rerank/learned.py, which reads features by their names.

DO $$
DECLARE f regprocedure;
BEGIN
    FOR f IN SELECT p.oid FROM pg_proc p
             WHERE p.proname = 'search_features' AND p.pronamespace = current_schema()::regnamespace
               AND 'for_user' = ANY (p.proargnames)  -- a neighbour's has other arguments
    LOOP EXECUTE format('DROP FUNCTION %s', f); END LOOP;
END $$;

CREATE FUNCTION search_features(
    query       jsonb,
    for_user    bigint,
    profile     text    DEFAULT 'main',
    candidates  integer DEFAULT 100,
    loose       jsonb   DEFAULT NULL,
    seen        text    DEFAULT 'keep',
    relax_below integer DEFAULT 10,
    typed       text    DEFAULT NULL,
    filter      jsonb   DEFAULT NULL
) RETURNS TABLE (
    rank                       bigint,
    movie_id                   bigint,
    title                      text,
    year                       integer,
    score                      double precision,
    bm25                       double precision,
    semantic                   double precision,
    content                    double precision,
    collaborative              double precision,
    popularity                 double precision,
    bm25_contribution          double precision,
    semantic_contribution      double precision,
    content_contribution       double precision,
    collaborative_contribution double precision,
    popularity_contribution    double precision,
    bm25_score                 double precision,
    unpersonalized_rank        bigint,
    moved                      bigint,
    rating                     real,
    personalized               boolean,
    relaxed                    boolean,
    level                      match_level,
    pinned                     boolean,
    -- Features.
    affinity                   double precision,
    affinity_10                double precision,  -- of the 10 ratings given last
    affinity_30                double precision,
    log_ratings                double precision,  -- ln(1 + the film's ratings)
    mean_rating                double precision,
    years_from_last_rating     double precision,
    years_from_own_mean        double precision,  -- from the mean year of the films rated
    genres_rated               double precision,  -- how much of the film's genres was rated
    genres_liked               double precision,  -- how much better than the user's mean
    log_user_ratings           double precision,
    user_mean                  double precision
) LANGUAGE sql STABLE AS $$
WITH hits AS MATERIALIZED (
    SELECT * FROM search(query, for_user, search_features.profile, candidates, candidates, NULL,
                         loose, seen, NULL, filter, relax_below, typed)
), latest AS MATERIALIZED (
    SELECT r.*, m.year, m.genres, row_number() OVER (ORDER BY r.later, r.movie_id) AS nth
    FROM (SELECT * FROM ratings_of(for_user, search_features.profile) v
          ORDER BY v.later, v.movie_id LIMIT 100) r
    JOIN movies m USING (movie_id)
), person AS MATERIALIZED (
    SELECT avg(l.rating) AS mean, avg(l.year) AS year, count(*) AS latest,
           (extract(epoch FROM max(l.rated_at)) / 31557600 + 1970)::double precision AS last_year,
           (SELECT u.rating_count + u.event_count FROM users u
            WHERE u.user_id = for_user AND u.profile = search_features.profile) AS rating_count
    FROM latest l
), recent AS MATERIALIZED (
    SELECT a.id AS model_id,
           sum(scale(f.factors_in, coalesce(l.weight, factor_weight(a.parameters, l.rating, l.middle))))
               FILTER (WHERE l.nth <= 10) AS ten,
           sum(scale(f.factors_in, coalesce(l.weight, factor_weight(a.parameters, l.rating, l.middle)))) AS thirty,
           (SELECT w.factors FROM user_factors w
            WHERE w.user_id = for_user AND w.profile = search_features.profile
              AND w.model_id = a.id) AS whole
    FROM models a
    CROSS JOIN latest l
    CROSS JOIN LATERAL (SELECT i.factors_in FROM movie_factors i
                        WHERE i.movie_id = l.movie_id AND i.model_id = a.id LIMIT 1) f
    WHERE a.kind = 'factors' AND a.state = 'active' AND l.nth <= 30
    GROUP BY a.id
), genre AS MATERIALIZED (
    SELECT coalesce(jsonb_object_agg(g.genre, g.ratings), '{}') AS ratings,
           coalesce(jsonb_object_agg(g.genre, g.liking), '{}') AS liking
    FROM (SELECT x.genre, count(*) AS ratings, sum(l.rating - p.mean) / (count(*) + 3) AS liking
          FROM latest l CROSS JOIN person p CROSS JOIN LATERAL unnest(l.genres) x(genre)
          GROUP BY x.genre) g
)
SELECT h.*,
    -(film.factors_out <#> r.whole),
    -(film.factors_out <#> r.ten),
    -(film.factors_out <#> r.thirty),
    ln(1 + film.rating_count),
    film.avg_rating,
    h.year - p.last_year,
    abs(h.year - p.year),
    (SELECT avg(coalesce((g.ratings ->> x.genre)::double precision, 0))
     FROM unnest(film.genres) x(genre)) / nullif(p.latest, 0),
    (SELECT avg(coalesce((g.liking ->> x.genre)::double precision, 0))
     FROM unnest(film.genres) x(genre)),
    ln(1 + p.rating_count),
    p.mean
FROM hits h
CROSS JOIN person p
CROSS JOIN genre g
LEFT JOIN recent r ON true
CROSS JOIN LATERAL (
    -- A film at a time by its key, whatever the planner thinks of how many there are.
    SELECT m.genres, s.rating_count, s.avg_rating,
           (SELECT f.factors_out FROM movie_factors f
            WHERE f.movie_id = h.movie_id AND f.model_id = r.model_id) AS factors_out
    FROM movies m JOIN movie_stats s USING (movie_id)
    WHERE m.movie_id = h.movie_id
    LIMIT 1
) film
ORDER BY h.rank
$$;
