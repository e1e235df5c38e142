-- name: add_models
INSERT INTO models (kind, name, version, parameters)
VALUES ('factors', 'one', 1, '{"base": 1, "slope": 0.5}'), ('factors', 'two', 1, '{"base": 1}');
INSERT INTO movie_factors (movie_id, model_id, factors_in, factors_out)
SELECT m.movie_id, d.id, v.factors, v.factors
FROM movies m CROSS JOIN models d
CROSS JOIN LATERAL (SELECT array_agg(sin(m.movie_id * 0.37 + d.id * i))::vector AS factors
                    FROM generate_series(1, 64) i) v;

-- name: models
SELECT id FROM models ORDER BY id;

-- name: search
SELECT movie_id
FROM search((ARRAY['lord', 'king', 'love', 'star', 'night', 'dark', 'house', 'summer'])[1 + :turn % 8],
            for_user => 1 + :turn % 600);

-- name: rate
INSERT INTO ratings (user_id, movie_id, rating)
SELECT 1 + :turn * 7 % 600, (SELECT min(movie_id) FROM movies WHERE movie_id >= :turn * 13 % 3000), 4
ON CONFLICT (user_id, profile, movie_id) DO UPDATE SET rating = 5.5 - ratings.rating
RETURNING user_id;

-- name: refresh_search
SELECT refresh_search();

-- name: refresh_profiles
SELECT refresh_profiles();

-- name: refresh_stats
SELECT refresh_stats();

-- name: activate
SELECT activate_model(:model);

-- name: functions_changed
UPDATE repeatable_migrations SET checksum = '';
