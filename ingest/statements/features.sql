-- Features, in DuckDB's SQL: it reads, sorts and joins on disk what does not fit into memory.

-- name: live_ratings
COPY (
    SELECT r.user_id, r.movie_id, r.rating, extract(epoch FROM r.rated_at)::double precision
    FROM ratings r JOIN users u USING (user_id, profile)
    WHERE r.profile = 'main' AND NOT u.synthetic
) TO STDOUT (FORMAT csv);

-- name: live_movies
SELECT movie_id, title, year, genres FROM movies ORDER BY movie_id;

-- name: live_source
SELECT name FROM sources;

-- name: read_ratings
CREATE TABLE ratings AS
SELECT * FROM read_csv($path, auto_detect = false, delim = ',', header = false, columns = {
    'user_id': 'BIGINT', 'movie_id': 'BIGINT', 'rating': 'FLOAT', 'seconds': 'DOUBLE'});

-- name: read_movies
CREATE TABLE movies AS SELECT * FROM read_parquet($path);

-- name: wrong_rating
-- One rating that cannot be used, and why.
SELECT user_id, movie_id, rating,
       CASE WHEN rating NOT BETWEEN 0.5 AND 5 THEN 'is not on the scale from 0.5 to 5'
            ELSE 'is of a film that is not in the catalog' END AS reason
FROM ratings
WHERE rating NOT BETWEEN 0.5 AND 5 OR movie_id NOT IN (SELECT movie_id FROM movies)
LIMIT 1;

-- name: repeated_rating
SELECT user_id, movie_id FROM ratings GROUP BY ALL HAVING count(*) > 1 LIMIT 1;

-- name: split
-- Of each user, in order of time: train, then validation, then test.
CREATE TABLE interactions AS
SELECT user_id, movie_id, rating, seconds,
       CASE WHEN place > n - test THEN 'test'
            WHEN place > n - test - floor((n - test) * $validation + 1e-9) THEN 'validation'
            ELSE 'train' END AS part
FROM (
    SELECT *, floor(n * $test + 1e-9) AS test
    FROM (
        SELECT *, row_number() OVER by_time AS place, count(*) OVER (PARTITION BY user_id) AS n
        FROM ratings
        WINDOW by_time AS (PARTITION BY user_id ORDER BY seconds, movie_id)
    )
);

-- name: drop_ratings
DROP TABLE ratings;

-- name: users
CREATE TABLE user_features AS
WITH newest AS (
    SELECT max(seconds) AS seconds FROM interactions WHERE part = 'train'
), liked AS (
    SELECT user_id, list(genre ORDER BY n DESC, genre)[1:3] AS top_genres
    FROM (SELECT i.user_id, g.genre, count(*) AS n
          FROM interactions i JOIN movies m USING (movie_id), unnest(m.genres) g(genre)
          WHERE i.part = 'train' GROUP BY ALL)
    GROUP BY user_id
)
SELECT i.user_id,
       count(*)::INTEGER AS rating_count,
       avg(i.rating) AS mean_rating,
       stddev_pop(i.rating) AS std_rating,
       min(i.rating) AS min_rating,
       max(i.rating) AS max_rating,
       max(i.rating) - min(i.rating) AS rating_range,
       coalesce(any_value(l.top_genres), []) AS top_genres,
       count(*) / greatest((max(i.seconds) - min(i.seconds)) / 2629800, 1) AS ratings_per_month,
       (any_value(n.seconds) - max(i.seconds)) / 86400 AS recency_days
FROM interactions i CROSS JOIN newest n LEFT JOIN liked l USING (user_id)
WHERE i.part = 'train'
GROUP BY i.user_id
ORDER BY i.user_id;

-- name: genres
SELECT DISTINCT genre FROM movies, unnest(genres) g(genre) ORDER BY genre;

-- name: movies
WITH newest AS (
    SELECT max(seconds) AS seconds FROM interactions WHERE part = 'train'
), counted AS (
    SELECT i.movie_id, count(*)::INTEGER AS rating_count, avg(i.rating) AS mean_rating,
           stddev_pop(i.rating) AS std_rating,
           avg(i.rating) FILTER (WHERE i.seconds > n.seconds - 31557600)
               - avg(i.rating) FILTER (WHERE i.seconds <= n.seconds - 31557600) AS trend
    FROM interactions i CROSS JOIN newest n
    WHERE i.part = 'train'
    GROUP BY i.movie_id
)
SELECT m.movie_id, m.title, m.year, m.genres,
       list_transform($genres::VARCHAR[], lambda g: list_contains(m.genres, g)::UTINYINT)
           AS genres_hot,
       coalesce(c.rating_count, 0) AS rating_count,
       ln(1 + coalesce(c.rating_count, 0)) AS log_popularity,
       c.mean_rating, c.std_rating, c.trend
FROM movies m LEFT JOIN counted c USING (movie_id)
ORDER BY m.movie_id;

-- name: interactions
SELECT i.user_id, i.movie_id, i.rating,
       make_timestamptz((i.seconds * 1000000)::BIGINT) AS rated_at,
       CASE WHEN u.std_rating > 0 THEN (i.rating - u.mean_rating) / u.std_rating ELSE 0 END
           AS z_score,
       (1 + (floor(i.seconds / 86400)::BIGINT + 3) % 7)::UTINYINT AS weekday,
       (floor(i.seconds / 3600)::BIGINT % 24)::UTINYINT AS hour
FROM interactions i JOIN user_features u USING (user_id)
WHERE i.part = $part
ORDER BY i.seconds, i.user_id, i.movie_id;

-- name: statistics
SELECT count(*) AS ratings, count(DISTINCT user_id) AS users, count(DISTINCT movie_id) AS rated_movies,
       (SELECT count(*) FROM movies) AS movies,
       count(*) FILTER (WHERE part = 'train') AS train,
       count(*) FILTER (WHERE part = 'validation') AS validation,
       count(*) FILTER (WHERE part = 'test') AS test,
       avg(rating) FILTER (WHERE part = 'train') AS mean_rating,
       stddev_pop(rating) FILTER (WHERE part = 'train') AS std_rating,
       1 - count(*) / (count(DISTINCT user_id) * (SELECT count(*) FROM movies)) AS sparsity,
       min(seconds) AS first_rated_at, max(seconds) AS last_rated_at
FROM interactions;

-- name: histogram
SELECT rating, count(*) AS n FROM interactions WHERE part = 'train' GROUP BY rating ORDER BY rating;

-- name: genre_counts
SELECT genre, count(*) AS n FROM movies, unnest(genres) g(genre) GROUP BY genre ORDER BY genre;
