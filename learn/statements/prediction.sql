-- What the prediction of a rating is made of.

-- name: film
-- The film, and what the active rating model knows of it.
SELECT m.movie_id, m.title, m.year, r.rating AS rated,
       o.id AS model_id, o.name AS model_name, o.version AS model_version, o.body AS model,
       f.factors_in::text AS factors, f.factors_out::text AS expected
FROM movies m
LEFT JOIN ratings r
    ON r.movie_id = m.movie_id AND r.user_id = :user_id AND r.profile = :profile
LEFT JOIN models o ON o.kind = 'ratings' AND o.state = 'active'
LEFT JOIN movie_factors f ON f.model_id = o.id AND f.movie_id = m.movie_id
WHERE m.movie_id = :movie_id;

-- name: rated
-- The user's other ratings of films that the model knows.
SELECT m.movie_id, m.title, m.year, r.rating, f.factors_in::text AS factors,
       f.factors_out::text AS expected
FROM ratings r
JOIN movies m USING (movie_id)
JOIN movie_factors f ON f.movie_id = r.movie_id AND f.model_id = :model_id
WHERE r.user_id = :user_id AND r.profile = :profile AND r.movie_id <> :movie_id
ORDER BY m.movie_id;

-- name: baseline
-- Without a model: what the crowd gives the film, and how far the ratings of this film lie from
-- their mean, which a film first rated after the last refresh does not have yet.
SELECT crowd_rating(s.avg_rating, s.rating_count, o.mean) AS expected,
       coalesce(s.rating_count, 0) AS rating_count,
       ARRAY(SELECT (r.rating - s.avg_rating)::double precision
             FROM ratings r JOIN users u USING (user_id, profile)
             WHERE r.movie_id = s.movie_id AND s.avg_rating IS NOT NULL AND NOT u.synthetic
             ORDER BY r.user_id, r.profile LIMIT 1000) AS residuals
FROM (SELECT overall_rating() AS mean) o LEFT JOIN movie_stats s ON s.movie_id = :movie_id;

-- name: baseline_rated
-- The user's other ratings, what the crowd gives those films, and how near the films' texts are to
-- this one's.
WITH overall AS MATERIALIZED (
    SELECT overall_rating() AS mean
), film AS MATERIALIZED (
    SELECT m.embedding - e.mean AS centred
    FROM movies m CROSS JOIN embedding_model e WHERE m.movie_id = :movie_id
)
SELECT m.movie_id, m.title, m.year, r.rating,
       crowd_rating(s.avg_rating, s.rating_count, o.mean) AS expected,
       nullif(1 - ((m.embedding - e.mean) <=> f.centred), 'NaN') AS similarity
FROM ratings r
JOIN movies m USING (movie_id)
CROSS JOIN overall o
LEFT JOIN movie_stats s USING (movie_id)
LEFT JOIN embedding_model e ON true
LEFT JOIN film f ON true
WHERE r.user_id = :user_id AND r.profile = :profile AND r.movie_id <> :movie_id
ORDER BY m.movie_id;
