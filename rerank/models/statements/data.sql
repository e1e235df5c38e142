-- name: movies
-- Traits are what enrichment knew without looking at ratings; effectiveness looks at them.
SELECT movie_id, year, genres, array_remove(ARRAY[
           'tone ' || sentiment, 'audience ' || target_audience,
           'budget ' || budget_tier, 'revenue ' || revenue_tier], NULL) AS traits
FROM movies ORDER BY movie_id;

-- name: vectors
SELECT m.movie_id, (m.embedding - e.mean)::text
FROM movies m CROSS JOIN embedding_model e
WHERE m.embedding IS NOT NULL;
