-- name: rated
-- A user's ratings with what the crowd gives each film: its mean, damped by five ratings of the
-- mean over all films.
WITH overall AS MATERIALIZED (
    SELECT coalesce(sum(s.avg_rating * s.rating_count) / nullif(sum(s.rating_count), 0), 3.5) AS mean
    FROM movie_stats s
)
SELECT r.rating, m.movie_id, m.title, m.year, m.genres, m.director, m.actors, m.budget, m.revenue,
       m.budget_tier, m.revenue_tier, m.sentiment, m.target_audience, m.effectiveness,
       (coalesce(s.avg_rating * s.rating_count, 0) + 5 * o.mean) / (coalesce(s.rating_count, 0) + 5)
           AS crowd
FROM ratings r
JOIN movies m USING (movie_id)
LEFT JOIN movie_stats s USING (movie_id)
CROSS JOIN overall o
WHERE r.user_id = :user_id AND r.profile = :profile
ORDER BY r.movie_id;

-- name: films
SELECT movie_id, title, year, genres, director, runtime_minutes, budget, revenue, avg_rating,
       rating_count, sentiment, budget_tier, revenue_tier, effectiveness, target_audience
FROM movies WHERE movie_id = ANY(CAST(:movie_ids AS bigint[]));
