-- name: unknown
SELECT DISTINCT f ->> 'movie_id' FROM jsonb_array_elements(CAST(:feedback AS jsonb)) f
CROSS JOIN LATERAL movie_named(f ->> 'movie_id') n (movie_id)
WHERE NOT EXISTS (SELECT FROM movies m WHERE m.movie_id = n.movie_id);

-- name: add
SELECT add_feedback(CAST(:feedback AS jsonb));
