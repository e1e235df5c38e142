-- name: known
-- What a tree needs to know of the catalog: which columns are filled, and how many ratings the
-- tenth of the films with most and the half with least have, the half also of those with enough
-- ratings for a mean; and the mean ratings of the best and
-- the worst fifth of the films with enough ratings.
SELECT EXISTS (SELECT FROM movies WHERE target_audience IS NOT NULL) AS target_audience,
       EXISTS (SELECT FROM movies WHERE sentiment IS NOT NULL) AS sentiment,
       greatest(s.known_from, 1) AS known_from, coalesce(s.unknown_to, 0) AS unknown_to,
       coalesce(s.unknown_rated_to, 0) AS unknown_rated_to, coalesce(s.best_from, 5) AS best_from,
       coalesce(s.worst_to, 0) AS worst_to
FROM (SELECT percentile_disc(0.8) WITHIN GROUP (ORDER BY avg_rating)
                 FILTER (WHERE rating_count >= :fewest) AS best_from,
             percentile_disc(0.2) WITHIN GROUP (ORDER BY avg_rating)
                 FILTER (WHERE rating_count >= :fewest) AS worst_to,
             percentile_disc(0.9) WITHIN GROUP (ORDER BY rating_count) AS known_from,
             percentile_disc(0.5) WITHIN GROUP (ORDER BY rating_count) AS unknown_to,
             percentile_disc(0.5) WITHIN GROUP (ORDER BY rating_count)
                 FILTER (WHERE rating_count >= :fewest) AS unknown_rated_to
      FROM movies) s;

-- name: users
-- The users whom their own system calls by some of these names.
SELECT n.name, user_named(n.name) AS user_id
FROM unnest(CAST(:names AS text[])) n (name) WHERE user_named(n.name) IS NOT NULL;

-- name: films_by_money
-- Films of any of some tiers and within some amounts, the most rated first; a null list or amount
-- asks nothing. Of tiers, only the films whose column is empty: search finds the others. Money below
-- 1,000 is unknown.
SELECT m.movie_id
FROM movies m
WHERE (CAST(:budget_tiers AS text[]) IS NULL
       OR m.budget_tier IS NULL AND budget_tier(m.budget, m.year) = ANY (:budget_tiers))
  AND (CAST(:revenue_tiers AS text[]) IS NULL
       OR m.revenue_tier IS NULL AND revenue_tier(m.revenue, m.year) = ANY (:revenue_tiers))
  AND (CAST(:least_budget AS float8) IS NULL OR m.budget >= greatest(:least_budget, 1000))
  AND (CAST(:most_budget AS float8) IS NULL OR m.budget <= :most_budget)
  AND (CAST(:least_revenue AS float8) IS NULL OR m.revenue >= greatest(:least_revenue, 1000))
  AND (CAST(:most_revenue AS float8) IS NULL OR m.revenue <= :most_revenue)
  AND (CAST(:least_profit AS float8) IS NULL
       OR least(m.budget, m.revenue) >= 1000 AND m.revenue - m.budget >= :least_profit)
  AND (CAST(:most_profit AS float8) IS NULL OR m.revenue - m.budget <= :most_profit)
ORDER BY m.rating_count DESC, m.movie_id
LIMIT :n;

-- name: similar
-- Films like one film, among those that match.
SELECT s.*, m.genres
FROM similar(CAST(:movie_id AS bigint), :n, CAST(:user_id AS bigint), :profile) s
JOIN movies m USING (movie_id)
WHERE (CAST(:filter AS jsonb) IS NULL
       OR s.movie_id IN (SELECT f.movie_id FROM search_matches(CAST(:filter AS jsonb)) f))
  AND NOT (:seen = 'drop' AND EXISTS (
      SELECT FROM ratings r WHERE r.user_id = CAST(:user_id AS bigint) AND r.profile = :profile
                              AND r.movie_id = s.movie_id))
ORDER BY s.rank;

-- name: rated_by
-- Films that a user has rated, from ``low`` to ``high`` stars; the most rated by all first.
SELECT r.movie_id
FROM ratings r JOIN movies m USING (movie_id)
WHERE r.user_id = CAST(:user_id AS bigint) AND r.profile = :profile
  AND r.rating BETWEEN coalesce(CAST(:low AS float8), 0) AND coalesce(CAST(:high AS float8), 5)
ORDER BY m.rating_count DESC, r.movie_id
LIMIT :n;

-- name: figures
-- What others are held against one film by, under the names that a structure has for it.
SELECT year, year - year % 10 AS decade, director, actors[1] AS actor, runtime_minutes, avg_rating, rating_count,
       CASE WHEN budget >= 1000 THEN budget END AS budget,
       CASE WHEN revenue >= 1000 THEN revenue END AS revenue,
       CASE WHEN least(budget, revenue) >= 1000 THEN revenue - budget END AS profit
FROM movies WHERE movie_id = :movie_id;

-- name: made_by
-- The films of a person: those directed, or with, where there are none; the most rated first.
SELECT movie_id, title, year, director = :name AS directed
FROM movies
WHERE director = :name OR actors @> ARRAY[CAST(:name AS text)]
ORDER BY directed DESC, rating_count DESC, movie_id
LIMIT :n;

-- name: count
SELECT count(*)
FROM movies m
WHERE (CAST(:filter AS jsonb) IS NULL
       OR m.movie_id IN (SELECT f.movie_id FROM search_matches(CAST(:filter AS jsonb)) f))
  AND NOT (:seen = 'drop' AND EXISTS (
      SELECT FROM ratings r WHERE r.user_id = CAST(:user_id AS bigint) AND r.profile = :profile
                              AND r.movie_id = m.movie_id));

-- name: sorted
-- Films that match, by one figure; those that lack it are left out. A mean rating counts with five
-- more ratings of the mean of all films, and from :fewest ratings on. Money below 1,000 is unknown.
WITH crowd AS (SELECT avg(avg_rating) AS mean FROM movies WHERE rating_count > 0),
found AS (
    SELECT m.movie_id, m.title, m.year, m.genres, m.director, m.runtime_minutes, m.avg_rating,
           m.rating_count, m.release_date, r.rating,
           CASE WHEN m.budget >= 1000 THEN m.budget END AS budget,
           CASE WHEN m.revenue >= 1000 THEN m.revenue END AS revenue,
           CASE WHEN m.rating_count >= :fewest
                THEN (m.avg_rating * m.rating_count + 5 * c.mean) / (m.rating_count + 5) END AS damped
    FROM movies m CROSS JOIN crowd c
    LEFT JOIN ratings r ON r.user_id = CAST(:user_id AS bigint) AND r.profile = :profile
                       AND r.movie_id = m.movie_id
    WHERE (CAST(:filter AS jsonb) IS NULL
           OR m.movie_id IN (SELECT f.movie_id FROM search_matches(CAST(:filter AS jsonb)) f))
      AND NOT (:seen = 'drop' AND r.rating IS NOT NULL)
), valued AS (
    SELECT f.*, CASE CAST(:by AS text)
               WHEN 'year' THEN f.year + coalesce(extract(doy FROM f.release_date), 0)::float8 / 1000
               WHEN 'runtime_minutes' THEN nullif(f.runtime_minutes, 0)
               WHEN 'avg_rating' THEN f.damped
               WHEN 'rating_count' THEN f.rating_count
               WHEN 'budget' THEN f.budget
               WHEN 'revenue' THEN f.revenue
               WHEN 'profit' THEN f.revenue - f.budget
           END::float8 AS value
    FROM found f
)
SELECT row_number() OVER (ORDER BY v.value * :sign DESC, v.rating_count DESC, v.movie_id) AS rank,
       v.movie_id, v.title, v.year, v.genres, v.director, v.runtime_minutes, v.avg_rating,
       v.rating_count, v.budget, v.revenue, v.rating, v.value
FROM valued v
WHERE v.value IS NOT NULL
ORDER BY rank
LIMIT :k;

-- name: facts
SELECT movie_id, title, original_title, year, release_date, genres, overview, runtime_minutes,
       director, actors, keywords, avg_rating, rating_count,
       CASE WHEN budget >= 1000 THEN budget END AS budget,
       CASE WHEN revenue >= 1000 THEN revenue END AS revenue
FROM movies WHERE movie_id = ANY (:movie_ids);

-- name: alike_by_factors
-- Films near one by the factors of the model in use, among those that match.
SELECT m.movie_id, m.title, m.year, m.genres, 1 - (f.factors_out <=> t.factors_out) AS similarity
FROM models a
JOIN movie_factors t ON t.model_id = a.id AND t.movie_id = :movie_id
JOIN movie_factors f ON f.model_id = a.id AND f.movie_id <> t.movie_id
JOIN movies m ON m.movie_id = f.movie_id
WHERE a.kind = 'factors' AND a.state = 'active'
  AND (CAST(:filter AS jsonb) IS NULL
       OR m.movie_id IN (SELECT s.movie_id FROM search_matches(CAST(:filter AS jsonb)) s))
  AND NOT (:seen = 'drop' AND EXISTS (
      SELECT FROM ratings r WHERE r.user_id = CAST(:user_id AS bigint) AND r.profile = :profile
                              AND r.movie_id = m.movie_id))
ORDER BY similarity DESC, m.rating_count DESC, m.movie_id
LIMIT :n;

-- name: alike_by_what_is_shared
-- Films that share most with one: four tenths genres, three keywords, and people. The score adds
-- how many know a film, so that of many that share as much the known ones are first.
WITH wanted AS (
    SELECT genres, coalesce(keywords, '{}') AS keywords, coalesce(actors, '{}') AS actors, director
    FROM movies WHERE movie_id = :movie_id
), scored AS (
    SELECT m.movie_id, m.title, m.year, m.genres, m.rating_count,
           0.4 * g.shared / greatest(cardinality(m.genres) + cardinality(w.genres) - g.shared, 1)
         + 0.3 * least(k.shared / 4.0, 1)
         + CASE WHEN m.director = w.director THEN 0.15 ELSE 0 END
         + 0.15 * least(a.shared / 2.0, 1) AS similarity
    FROM wanted w CROSS JOIN movies m
    CROSS JOIN LATERAL (SELECT count(*) AS shared FROM unnest(m.genres) x WHERE x = ANY (w.genres)) g
    CROSS JOIN LATERAL (SELECT count(*) AS shared FROM unnest(m.keywords) x WHERE x = ANY (w.keywords)) k
    CROSS JOIN LATERAL (SELECT count(*) AS shared FROM unnest(m.actors) x WHERE x = ANY (w.actors)) a
    WHERE m.movie_id <> :movie_id
      AND (CAST(:filter AS jsonb) IS NULL
           OR m.movie_id IN (SELECT s.movie_id FROM search_matches(CAST(:filter AS jsonb)) s))
      AND NOT (:seen = 'drop' AND EXISTS (
          SELECT FROM ratings r WHERE r.user_id = CAST(:user_id AS bigint) AND r.profile = :profile
                                  AND r.movie_id = m.movie_id))
)
SELECT movie_id, title, year, genres, similarity,
       similarity + 0.15 * ln(1 + rating_count) / ln(2 + max(rating_count) OVER ()) AS score
FROM scored
WHERE similarity > 0
ORDER BY score DESC, movie_id
LIMIT :n;
