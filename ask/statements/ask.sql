-- name: known
-- What a tree needs to know of the catalog: which columns are filled, and how many ratings the
-- tenth of the films with most and the half with least have; and the mean ratings of the best and
-- the worst fifth of the films with enough ratings.
SELECT EXISTS (SELECT FROM movies WHERE target_audience IS NOT NULL) AS target_audience,
       EXISTS (SELECT FROM movies WHERE sentiment IS NOT NULL) AS sentiment,
       s.known_from, s.unknown_to, s.best_from, s.worst_to
FROM (SELECT percentile_disc(0.8) WITHIN GROUP (ORDER BY avg_rating)
                 FILTER (WHERE rating_count >= :fewest) AS best_from,
             percentile_disc(0.2) WITHIN GROUP (ORDER BY avg_rating)
                 FILTER (WHERE rating_count >= :fewest) AS worst_to,
             percentile_disc(0.9) WITHIN GROUP (ORDER BY rating_count) AS known_from,
             percentile_disc(0.5) WITHIN GROUP (ORDER BY rating_count) AS unknown_to
      FROM movies) s;

-- name: films_by_money
-- Films of any of some tiers and within some amounts, the most rated first; a null list or amount
-- asks nothing. Of tiers, only the films whose column is empty: search finds the others.
SELECT m.movie_id
FROM movies m
WHERE (CAST(:budget_tiers AS text[]) IS NULL
       OR m.budget_tier IS NULL AND budget_tier(m.budget, m.year) = ANY (:budget_tiers))
  AND (CAST(:revenue_tiers AS text[]) IS NULL
       OR m.revenue_tier IS NULL AND revenue_tier(m.revenue, m.year) = ANY (:revenue_tiers))
  AND (CAST(:least_budget AS float8) IS NULL OR m.budget > 0 AND m.budget >= :least_budget)
  AND (CAST(:most_budget AS float8) IS NULL OR m.budget <= :most_budget)
  AND (CAST(:least_revenue AS float8) IS NULL OR m.revenue > 0 AND m.revenue >= :least_revenue)
  AND (CAST(:most_revenue AS float8) IS NULL OR m.revenue <= :most_revenue)
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
