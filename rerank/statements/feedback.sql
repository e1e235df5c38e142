-- name: unknown
SELECT DISTINCT f ->> 'movie_id' FROM jsonb_array_elements(CAST(:feedback AS jsonb)) f
WHERE movie_named(f ->> 'movie_id') IS NULL;

-- name: add
SELECT add_feedback(CAST(:feedback AS jsonb));
