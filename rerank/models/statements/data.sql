-- name: movies
SELECT movie_id, year, genres FROM movies ORDER BY movie_id;

-- name: vectors
SELECT m.movie_id, (m.embedding - e.mean)::text
FROM movies m CROSS JOIN embedding_model e
WHERE m.embedding IS NOT NULL;
