-- name: add_vectors
UPDATE movies SET embedding = l2_normalize((
    SELECT array_agg(sin(movie_id * 0.37 + d) ORDER BY d) FROM generate_series(1, 384) d
)::vector);

-- name: add_model
INSERT INTO embedding_model (name, dimension, mean)
SELECT 'all-MiniLM-L6-v2', 384, avg(embedding) FROM movies;

-- name: loaded
-- Which versions of the source are to be seen, and how many of its rows: one version, all rows.
SELECT array_agg(DISTINCT rating) AS versions, count(*) AS ratings,
       (SELECT array_agg(DISTINCT split_part(title, ' ', 1)) FROM movies) AS titles,
       (SELECT count(*) FROM movies) AS movies,
       (SELECT count(*) FROM search_matches(parse_query('alpha'))) AS alphas
FROM ratings WHERE user_id < :first_live_user;

-- name: live_ratings
SELECT user_id, movie_id, rating FROM ratings WHERE user_id >= :first_live_user;

-- name: wrong_profiles
-- Users whose profile does not count exactly their ratings.
SELECT count(*) FROM (SELECT user_id, count(*) AS n FROM ratings GROUP BY user_id) r
FULL JOIN users u USING (user_id) WHERE coalesce(u.rating_count, 0) <> coalesce(r.n, 0);

-- name: drift
-- How far the vectors kept by triggers are from those of a full refresh.
SELECT coalesce(max(b.embedding <-> u.embedding), 0) AS largest, count(u.embedding) AS users
FROM before_refresh b FULL JOIN users u USING (user_id)
WHERE (b.embedding IS NULL) IS NOT DISTINCT FROM (u.embedding IS NULL);

-- name: before_refresh
CREATE TEMP TABLE before_refresh AS SELECT user_id, embedding FROM users;

-- name: refresh_profiles
SELECT refresh_profiles();
