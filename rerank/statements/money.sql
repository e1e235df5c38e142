-- name: films_by_money
-- Films of any of some tiers and within some amounts, the most rated first. Tiers are half-open
-- spans of dollars of the base year; a null list or amount asks nothing.
SELECT m.movie_id
FROM movies m
CROSS JOIN LATERAL (
    SELECT power(CAST(:inflation AS float8), CAST(:base_year AS integer) - m.year) AS price
) p
WHERE (CAST(:budget_lows AS float8[]) IS NULL OR m.budget > 0 AND EXISTS (
          SELECT FROM unnest(CAST(:budget_lows AS float8[]), CAST(:budget_highs AS float8[]))
                      AS s (low, below)
          WHERE m.budget * p.price >= s.low AND (s.below IS NULL OR m.budget * p.price < s.below)))
  AND (CAST(:revenue_lows AS float8[]) IS NULL OR m.revenue > 0 AND EXISTS (
          SELECT FROM unnest(CAST(:revenue_lows AS float8[]), CAST(:revenue_highs AS float8[]))
                      AS s (low, below)
          WHERE m.revenue * p.price >= s.low AND (s.below IS NULL OR m.revenue * p.price < s.below)))
  AND (CAST(:least_budget AS float8) IS NULL OR m.budget > 0 AND m.budget >= :least_budget)
  AND (CAST(:most_budget AS float8) IS NULL OR m.budget <= :most_budget)
  AND (CAST(:least_revenue AS float8) IS NULL OR m.revenue > 0 AND m.revenue >= :least_revenue)
  AND (CAST(:most_revenue AS float8) IS NULL OR m.revenue <= :most_revenue)
ORDER BY m.rating_count DESC, m.movie_id
LIMIT :n;
