-- name: movie
SELECT movie_id, item_id, title, original_title, year, imdb_id, tmdb_id, genres, overview,
       runtime_minutes, release_date::text AS release_date, director, actors, keywords, budget,
       revenue, poster_url, avg_rating, rating_count, embedding IS NOT NULL AS has_embedding,
       sentiment, budget_tier, revenue_tier, effectiveness, target_audience, estimated,
       enriched_by, to_char(enriched_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS enriched_at,
       own
FROM movies WHERE movie_id = :movie_id;

-- name: random_movies
SELECT movie_id, item_id, title, original_title, year, imdb_id, tmdb_id, genres, overview,
       runtime_minutes, release_date::text AS release_date, director, actors, keywords, budget,
       revenue, poster_url, avg_rating, rating_count, embedding IS NOT NULL AS has_embedding,
       sentiment, budget_tier, revenue_tier, effectiveness, target_audience, estimated,
       enriched_by, to_char(enriched_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS enriched_at,
       own
FROM movies ORDER BY random() LIMIT :n;

-- name: similar
SELECT s.*, m.genres
FROM similar(CAST(:movie_id AS bigint), :k, CAST(:user_id AS bigint), :profile) s
JOIN movies m USING (movie_id)
ORDER BY s.rank;

-- name: suggest
SELECT movie_id, title, year FROM suggest_titles(:prefix, :k, CAST(:user_id AS bigint), :profile);
