-- name: rate
INSERT INTO ratings (user_id, movie_id, rating) VALUES (:user, :film, :rating)
ON CONFLICT (user_id, profile, movie_id) DO UPDATE SET rating = 5.5 - ratings.rating;

-- name: add_models
INSERT INTO models (kind, name, version, parameters)
VALUES ('factors', 'one', 1, '{"base": 1, "slope": 0.5}'), ('factors', 'two', 1, '{"base": 0.5}');
INSERT INTO movie_factors (movie_id, model_id, factors_in, factors_out)
SELECT m.movie_id, d.id, v.factors, v.factors
FROM movies m CROSS JOIN models d
CROSS JOIN LATERAL (SELECT array_agg(sin(m.movie_id * 0.37 + d.id * i))::vector AS factors
                    FROM generate_series(1, 8) i) v;

-- name: models
SELECT id FROM models ORDER BY id;

-- name: activate
SELECT activate_model(:model);

-- name: spoil_profiles
UPDATE users SET weight_sum = weight_sum + 3 WHERE user_id % 5 = 0;

-- name: wrong_profiles
SELECT user_id, u.rating_count, r.rating_count, u.weight_sum, r.weight_sum
FROM users u FULL JOIN sum_profiles() r USING (user_id, profile)
WHERE coalesce(u.rating_count, 0) <> coalesce(r.rating_count, 0)
   OR abs(coalesce(u.weight_sum, 0) - coalesce(r.weight_sum, 0)) > 1e-3
   OR vector_norm(u.embedding_sum - r.embedding_sum) > 1e-3;

-- name: wrong_factors
SELECT user_id, u.rating_count, f.rating_count
FROM (SELECT u.* FROM user_factors u JOIN models m ON m.id = u.model_id AND m.state = 'active') u
FULL JOIN (SELECT s.* FROM models m CROSS JOIN LATERAL sum_user_factors(m.id) s
           WHERE m.state = 'active') f USING (user_id, profile)
WHERE u.rating_count IS DISTINCT FROM f.rating_count OR vector_norm(u.factors - f.factors) > 1e-3;
