-- Text embeddings: which films lack one, and a load of many. A load is one transaction: COPY into
-- a temporary table, checks of the whole set, one update, and every profile made again.

-- name: films_without_vector
SELECT movie_id FROM movies WHERE embedding IS NULL ORDER BY movie_id;

-- name: known_films
SELECT movie_id FROM movies WHERE movie_id = ANY (:movie_ids) ORDER BY movie_id;

-- name: film_texts
SELECT movie_id, title, year, genres, director, keywords, overview
FROM movies WHERE movie_id = ANY (:movie_ids) ORDER BY movie_id;

-- name: stats
SELECT f.films, f.embedded, e.name AS model, e.dimension, e.loaded_at
FROM (SELECT count(*) AS films, count(embedding) AS embedded FROM movies) f
LEFT JOIN embedding_model e ON f.embedded > 0;

-- name: lock_loads
-- The lock of every load, then ratings before films, as writers of ratings take them.
SELECT pg_advisory_xact_lock(hashtextextended('palate.load', 0));

-- name: lock_ratings
LOCK TABLE ratings IN SHARE ROW EXCLUSIVE MODE;

-- name: loaded_model
SELECT e.name, e.dimension FROM embedding_model e
WHERE EXISTS (SELECT FROM movies WHERE embedding IS NOT NULL);

-- name: create_staging
CREATE TEMP TABLE staging_embeddings (
    place bigint NOT NULL, movie_id bigint NOT NULL, embedding vector(384) NOT NULL
) ON COMMIT DROP;

-- name: copy_embeddings
COPY staging_embeddings FROM STDIN WITH (FORMAT binary);

-- name: analyze_staging
ANALYZE staging_embeddings;

-- name: repeated_film
SELECT s.place, s.movie_id, s.first_place
FROM (SELECT place, movie_id, min(place) OVER (PARTITION BY movie_id) AS first_place
      FROM staging_embeddings) s
WHERE s.place > s.first_place
ORDER BY s.place LIMIT 1;

-- name: unknown_films
SELECT s.place, s.movie_id, count(*) OVER () AS unknown
FROM staging_embeddings s
WHERE NOT EXISTS (SELECT FROM movies m WHERE m.movie_id = s.movie_id)
ORDER BY s.place LIMIT 1;

-- name: clear_others
UPDATE movies m SET embedding = NULL
WHERE m.embedding IS NOT NULL
  AND NOT EXISTS (SELECT FROM staging_embeddings s WHERE s.movie_id = m.movie_id);

-- name: write_embeddings
UPDATE movies m SET embedding = s.embedding
FROM staging_embeddings s
WHERE m.movie_id = s.movie_id AND m.embedding IS DISTINCT FROM s.embedding;

-- name: write_model
INSERT INTO embedding_model (name, dimension, mean)
SELECT :name, 384, avg(embedding) FROM movies
ON CONFLICT (only_one) DO UPDATE SET
    name = excluded.name, dimension = excluded.dimension, mean = excluded.mean, loaded_at = now();

-- name: refresh_profiles
SELECT refresh_profiles();
