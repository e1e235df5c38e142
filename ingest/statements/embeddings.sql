-- Text embeddings: which films lack one, and a load of many. A load is one transaction: COPY into
-- a temporary table, checks of all of it, a set of its own, which is then used or waits.

-- name: films_without_vector
SELECT movie_id FROM movies WHERE embedding IS NULL ORDER BY movie_id;

-- name: films_without_vector_of
SELECT m.movie_id FROM movies m
WHERE NOT EXISTS (SELECT FROM embedding_vectors v WHERE v.movie_id = m.movie_id AND v.set_name = :name)
ORDER BY m.movie_id;

-- name: known_films
SELECT movie_id FROM movies WHERE movie_id = ANY (:movie_ids) ORDER BY movie_id;

-- name: film_texts
SELECT movie_id, title, year, genres, director, keywords, overview
FROM movies WHERE movie_id = ANY (:movie_ids) ORDER BY movie_id;

-- name: stats
SELECT f.films, f.embedded, e.name AS model, e.dimension, e.loaded_at
FROM (SELECT count(*) AS films, count(embedding) AS embedded FROM movies) f
LEFT JOIN embedding_model e ON f.embedded > 0;

-- name: sets
SELECT e.set_name AS name, e.name AS model, e.dimension, f.films, f.embedded, e.loaded_at, true AS in_use
FROM embedding_model e
CROSS JOIN (SELECT count(*) AS films, count(embedding) AS embedded FROM movies) f
UNION ALL
SELECT s.set_name, s.name, s.dimension, (SELECT count(*) FROM movies),
       (SELECT count(*) FROM embedding_vectors v WHERE v.set_name = s.set_name), s.loaded_at, false
FROM embedding_sets s
ORDER BY in_use DESC, name;

-- name: lock_loads
-- The lock of every load.
SELECT pg_advisory_xact_lock(hashtextextended('palate.load', 0));

-- name: differences
-- From the vectors of the set: how many films get another, and how many would get none.
SELECT count(s.movie_id) FILTER (WHERE s.embedding IS DISTINCT FROM o.embedding) AS changed,
       count(*) FILTER (WHERE s.movie_id IS NULL AND o.embedding IS NOT NULL) AS missing
FROM movies m
LEFT JOIN staging_embeddings s USING (movie_id)
LEFT JOIN embedding_vectors v ON v.movie_id = m.movie_id AND v.set_name = :name
CROSS JOIN LATERAL (SELECT CASE WHEN :in_use THEN m.embedding ELSE v.embedding END) o(embedding);

-- name: write_set
WITH made AS (
    INSERT INTO embedding_sets (set_name, name, dimension) VALUES (:name, :model, :dimension)
    ON CONFLICT (set_name) DO UPDATE
    SET name = excluded.name, dimension = excluded.dimension, loaded_at = now()
    RETURNING set_name
)
INSERT INTO embedding_vectors AS v (movie_id, set_name, embedding)
SELECT s.movie_id, m.set_name, s.embedding FROM staging_embeddings s CROSS JOIN made m
ON CONFLICT (movie_id, set_name) DO UPDATE SET embedding = excluded.embedding
WHERE v.embedding <> excluded.embedding;

-- name: drop_set
DELETE FROM embedding_sets WHERE set_name = :name;

-- name: learned
-- What was learned with the vectors in use: an order, the weights of the blend.
SELECT EXISTS (SELECT FROM models WHERE kind = 'order' AND state = 'active') AS has_order,
       EXISTS (SELECT FROM models WHERE kind = 'factors' AND state = 'active'
               AND weights IS NOT NULL AND metrics <> '{}') AS has_weights;

-- name: use_embeddings
SELECT use_embeddings(:name, :others);

-- name: create_staging
CREATE TEMP TABLE staging_embeddings (
    place bigint NOT NULL, movie_id bigint NOT NULL, embedding vector NOT NULL
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
