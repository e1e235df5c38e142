-- What ratings and facts say: a user's preferences, films side by side.

-- The mean of all ratings; the scale's better half where there are none.
CREATE OR REPLACE FUNCTION overall_rating() RETURNS double precision
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
SELECT coalesce(sum(s.avg_rating * s.rating_count) / nullif(sum(s.rating_count), 0), 3.5)
FROM movie_stats s
$$;

-- What the crowd gives a film: its mean, damped by five ratings of the mean of all.
CREATE OR REPLACE FUNCTION crowd_rating(
    avg_rating double precision, rating_count integer, overall double precision
) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (coalesce(avg_rating * rating_count, 0) + 5 * overall) / (coalesce(rating_count, 0) + 5);

-- preferences(): a user's ratings by what films have, against what the crowd gives the same films.
--
-- The difference of a rating is the rating minus what the crowd gives the film. The row of kind
-- `all` has the user's own level in `shrunken`: the sum of the differences over n + 5, the damped
-- mean of Koren, Bell and Volinsky (2009). Any other group of n ratings with the mean difference d
-- gets
--
--   shrunken = level + B (d - level),   B = t2 / (t2 + s2 / n)
--
-- which is the empirical Bayes estimate of Efron and Morris (1975). s2 is the variance of the user's
-- differences, pooled with ten ratings of an average rater, whose variance is .76 (the mean of the
-- users' on ml-latest-small). t2, how much groups truly differ, is estimated over the user's groups
-- of the same kind by DerSimonian and Laird's (1986) moments: with w = n / s2 and the weighted mean
-- c, (sum w (d - c)^2 - (groups - 1)) / (sum w - sum w^2 / sum w), never negative. So a group of
-- three ratings stays near the user's level, and where groups differ no more than chance would have
-- it, all of them do.
--
-- A director or an actor needs two ratings. A user without ratings has no rows.
CREATE OR REPLACE FUNCTION preferences(for_user bigint, profile text DEFAULT 'main') RETURNS TABLE (
    kind     text,   -- all, genre, decade, director, actor, budget, sentiment, audience
    name     text,
    n        bigint,
    mean     double precision,
    crowd    double precision,
    shrunken double precision
) LANGUAGE sql STABLE BEGIN ATOMIC
WITH overall AS MATERIALIZED (
    SELECT overall_rating() AS mean
), rated AS MATERIALIZED (
    SELECT r.movie_id, r.rating::double precision AS rating,
           crowd_rating(s.avg_rating, s.rating_count, o.mean) AS crowd
    FROM ratings r
    CROSS JOIN overall o
    LEFT JOIN movie_stats s USING (movie_id)
    WHERE r.user_id = for_user AND r.profile = preferences.profile
), person AS MATERIALIZED (
    SELECT count(*) AS n, avg(r.rating) AS mean, avg(r.crowd) AS crowd,
           sum(r.rating - r.crowd) / (count(*) + 5) AS level,
           (count(*) * var_pop(r.rating - r.crowd) + 10 * 0.76) / (count(*) + 10) AS variance
    FROM rated r
    HAVING count(*) > 0
), grouped AS MATERIALIZED (
    SELECT v.place, v.kind, v.name, count(*) AS n, avg(r.rating) AS mean, avg(r.crowd) AS crowd,
           avg(r.rating - r.crowd) AS difference
    FROM rated r
    JOIN movies m USING (movie_id)
    CROSS JOIN LATERAL (
        SELECT DISTINCT 1, 'genre', unnest(m.genres)
        UNION ALL SELECT 2, 'decade', (m.year / 10 * 10)::text || 's'
        UNION ALL SELECT 3, 'director', m.director
        UNION ALL (SELECT DISTINCT 4, 'actor', unnest(m.actors))
        UNION ALL SELECT 5, 'budget', coalesce(m.budget_tier, budget_tier(m.budget, m.year))
        UNION ALL SELECT 6, 'sentiment', m.sentiment
        UNION ALL SELECT 7, 'audience', m.target_audience
    ) v (place, kind, name)
    WHERE v.name <> ''
    GROUP BY v.place, v.kind, v.name
    HAVING count(*) >= CASE WHEN v.kind IN ('director', 'actor') THEN 2 ELSE 1 END
), centred AS MATERIALIZED (
    SELECT g.kind, g.n / p.variance AS weight, g.difference,
           sum(g.n * g.difference) OVER (PARTITION BY g.kind) / sum(g.n) OVER (PARTITION BY g.kind)
               AS centre
    FROM grouped g CROSS JOIN person p
), differing AS MATERIALIZED (
    SELECT c.kind, CASE WHEN count(*) > 1 THEN greatest(0,
               (sum(c.weight * (c.difference - c.centre) ^ 2) - (count(*) - 1))
               / (sum(c.weight) - sum(c.weight ^ 2) / sum(c.weight))) ELSE 0 END AS between_groups
    FROM centred c
    GROUP BY c.kind
)
SELECT t.kind, t.name, t.n, t.mean, t.crowd, t.shrunken
FROM (
    SELECT 0 AS place, 'all' AS kind, NULL AS name, p.n, p.mean, p.crowd, p.level AS shrunken
    FROM person p
    UNION ALL
    SELECT g.place, g.kind, g.name, g.n, g.mean, g.crowd,
           p.level + d.between_groups / (d.between_groups + p.variance / g.n)
                     * (g.difference - p.level)
    FROM grouped g JOIN differing d USING (kind) CROSS JOIN person p
) t
ORDER BY t.place, t.n DESC, t.name COLLATE "C";
END;

-- compare(): films side by side, in the order given. Money below 1,000 dollars is not known; tiers
-- are by the money where a film was not enriched.
CREATE OR REPLACE FUNCTION compare(movie_ids bigint[]) RETURNS TABLE (
    movie_id        bigint,
    title           text,
    year            integer,
    genres          text[],
    director        text,
    runtime_minutes integer,
    budget          bigint,
    revenue         bigint,
    profit          bigint,
    return_ratio    double precision,
    avg_rating      double precision,
    rating_count    integer,
    budget_tier     text,
    revenue_tier    text,
    sentiment       text,
    target_audience text,
    effectiveness   double precision
) LANGUAGE sql STABLE BEGIN ATOMIC
SELECT m.movie_id, m.title, m.year, m.genres, m.director, m.runtime_minutes,
       known_dollars(m.budget), known_dollars(m.revenue),
       known_dollars(m.revenue) - known_dollars(m.budget),
       known_dollars(m.revenue)::double precision / known_dollars(m.budget),
       n.avg_rating, n.rating_count,
       coalesce(m.budget_tier, budget_tier(m.budget, m.year)),
       coalesce(m.revenue_tier, revenue_tier(m.revenue, m.year)),
       m.sentiment, m.target_audience, m.effectiveness
FROM unnest(movie_ids) WITH ORDINALITY wanted (movie_id, place)
JOIN movies m USING (movie_id)
CROSS JOIN LATERAL ratings_now(m.movie_id) n
ORDER BY wanted.place;
END;
