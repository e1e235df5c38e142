-- A load: COPY into temporary tables (never logged, gone with the transaction), checks of whole
-- sets, then upserts in the order of the keys. All of it is one transaction.

-- name: try_lock
SELECT pg_try_advisory_xact_lock(hashtextextended('palate.load', 0));

-- name: lock
SELECT pg_advisory_xact_lock(hashtextextended('palate.load', 0));

-- name: loaded_source
SELECT name, movies, ratings FROM sources;

-- name: create_staging
SET LOCAL work_mem = '64MB';
SET LOCAL maintenance_work_mem = '256MB';
CREATE TEMP TABLE staging_movies (
    line bigint NOT NULL, movie_id bigint NOT NULL, title text NOT NULL, original_title text,
    year integer, imdb_id text, tmdb_id bigint, genres text[] NOT NULL, overview text,
    runtime_minutes bigint, release_date date, director text, actors text[] NOT NULL,
    keywords text[] NOT NULL, budget bigint, revenue bigint, poster_url text
) ON COMMIT DROP;
-- The line is the row's place in the stream; Palate knows which line of the file that was.
CREATE TEMP TABLE staging_ratings (
    line bigint GENERATED ALWAYS AS IDENTITY (CACHE 1000),
    user_id bigint NOT NULL, movie_id bigint NOT NULL,
    rating real NOT NULL, rated_at double precision NOT NULL
) ON COMMIT DROP;
CREATE TEMP TABLE staging_tags (
    line bigint NOT NULL, user_id bigint NOT NULL, movie_id bigint NOT NULL, tag text NOT NULL,
    tagged_at double precision
) ON COMMIT DROP;
CREATE TEMP TABLE rejected (
    what text NOT NULL, line bigint NOT NULL, column_name text NOT NULL, reason text NOT NULL,
    content text NOT NULL
) ON COMMIT DROP;

-- name: copy_movies
COPY staging_movies FROM STDIN;

-- name: copy_ratings
COPY staging_ratings (user_id, movie_id, rating, rated_at) FROM STDIN WITH (DELIMITER ',');

-- name: copy_tags
COPY staging_tags FROM STDIN;

-- name: analyze_staging
ANALYZE staging_movies, staging_ratings, staging_tags;

-- name: reject_movies
INSERT INTO rejected
SELECT DISTINCT ON (s.line) 'movies', s.line, wrong.column_name, wrong.reason,
       concat_ws(',', s.movie_id, s.title, s.year)
FROM (
    SELECT *, first_value(line) OVER (PARTITION BY movie_id ORDER BY line) AS first_line
    FROM staging_movies
) s
CROSS JOIN LATERAL (VALUES
    (1, s.first_line < s.line, 'movie_id',
     format('film %s is already on line %s', s.movie_id, s.first_line)),
    (2, s.year NOT BETWEEN 1870 AND 2200, 'year', format('%s is no year of a film', s.year)),
    (3, s.runtime_minutes NOT BETWEEN 1 AND 6000, 'runtime_minutes',
     format('%s is not between 1 and 6000 minutes', s.runtime_minutes))
) wrong (number, is_so, column_name, reason)
WHERE wrong.is_so
ORDER BY s.line, wrong.number;

-- name: drop_rejected_movies
DELETE FROM staging_movies s USING rejected r WHERE r.what = 'movies' AND r.line = s.line;

-- name: reject_ratings
INSERT INTO rejected
SELECT 'ratings', line, wrong,
       CASE wrong
           WHEN 'rating' THEN format('%s is not on the scale from 0.5 to 5', rating)
           WHEN 'rated_at' THEN format('%s seconds after 1970 are in the future', rated_at)
           WHEN 'movie_id' THEN format('film %s is unknown', movie_id)
           ELSE format('user %s is a synthetic taster here: remove the tasters first', user_id)
       END,
       concat_ws(',', user_id, movie_id, rating, rated_at)
FROM (
    SELECT s.*, CASE
        WHEN s.rating NOT BETWEEN 0.5 AND 5 THEN 'rating'
        WHEN s.rated_at > limits.latest THEN 'rated_at'
        WHEN known.movie_id IS NULL THEN 'movie_id'
        WHEN taster.user_id IS NOT NULL THEN 'user_id'
    END AS wrong
    FROM staging_ratings s
    CROSS JOIN (SELECT extract(epoch FROM now() + interval '1 day') AS latest) limits
    LEFT JOIN (
        SELECT movie_id FROM staging_movies
        UNION SELECT movie_id FROM movies WHERE NOT :replace
    ) known USING (movie_id)
    LEFT JOIN (
        SELECT DISTINCT user_id FROM users WHERE synthetic AND NOT :replace
    ) taster USING (user_id)
) s
WHERE wrong IS NOT NULL;

-- name: drop_rejected_ratings
DELETE FROM staging_ratings s USING rejected r WHERE r.what = 'ratings' AND r.line = s.line;

-- name: index_ratings
CREATE UNIQUE INDEX staging_ratings_key ON staging_ratings (user_id, movie_id);

-- name: reject_repeated_ratings
INSERT INTO rejected
SELECT 'ratings', line, 'movie_id',
       format('user %s has already rated film %s, as %s', user_id, movie_id, first_rating),
       concat_ws(',', user_id, movie_id, rating, rated_at)
FROM (
    SELECT *, row_number() OVER by_line AS number, first_value(rating) OVER by_line AS first_rating
    FROM staging_ratings
    WINDOW by_line AS (PARTITION BY user_id, movie_id ORDER BY line)
) s
WHERE number > 1;

-- name: reject_tags
INSERT INTO rejected
SELECT 'tags', line, CASE WHEN known.movie_id IS NULL THEN 'movie_id' ELSE 'tagged_at' END,
       CASE WHEN known.movie_id IS NULL THEN format('film %s is unknown', movie_id)
            ELSE format('%s seconds after 1970 are in the future', tagged_at) END,
       concat_ws(',', user_id, movie_id, tag, tagged_at)
FROM staging_tags s
LEFT JOIN (
    SELECT movie_id FROM staging_movies
    UNION SELECT movie_id FROM movies WHERE NOT :replace
) known USING (movie_id)
WHERE known.movie_id IS NULL OR tagged_at > extract(epoch FROM now() + interval '1 day');

-- name: drop_rejected_tags
DELETE FROM staging_tags s USING rejected r WHERE r.what = 'tags' AND r.line = s.line;

-- name: rejected
SELECT what, line, column_name, reason, content FROM rejected ORDER BY what, line;

-- name: what_there_is
SELECT (SELECT count(*) FROM movies) AS movies, (SELECT count(*) FROM ratings) AS ratings,
       (SELECT count(*) FROM models) AS models;

-- name: delete_everything
-- Ratings given meanwhile wait, lest they refer to what is being deleted.
LOCK TABLE ratings, events, tags, users IN SHARE ROW EXCLUSIVE MODE;
DELETE FROM events;
DELETE FROM ratings;
DELETE FROM tags;
DELETE FROM users;
DELETE FROM user_names;
DELETE FROM movies;
DELETE FROM embedding_model;
DELETE FROM models;
DELETE FROM sources;

-- name: upsert_movies
-- What the source does not say stays: another source of facts may have said it.
INSERT INTO movies AS m (
    movie_id, title, original_title, year, imdb_id, tmdb_id, genres, overview, runtime_minutes,
    release_date, director, actors, keywords, budget, revenue, poster_url
)
SELECT
    s.movie_id, s.title, coalesce(s.original_title, m.original_title), coalesce(s.year, m.year),
    coalesce(s.imdb_id, m.imdb_id), coalesce(s.tmdb_id, m.tmdb_id),
    coalesce(nullif(s.genres, '{}'), m.genres, '{}'), coalesce(s.overview, m.overview),
    coalesce(s.runtime_minutes, m.runtime_minutes), coalesce(s.release_date, m.release_date),
    coalesce(s.director, m.director), coalesce(nullif(s.actors, '{}'), m.actors, '{}'),
    coalesce(nullif(s.keywords, '{}'), m.keywords, '{}'), coalesce(s.budget, m.budget),
    coalesce(s.revenue, m.revenue), coalesce(s.poster_url, m.poster_url)
FROM staging_movies s
LEFT JOIN movies m USING (movie_id)
ORDER BY s.movie_id
ON CONFLICT (movie_id) DO UPDATE SET (
    title, original_title, year, imdb_id, tmdb_id, genres, overview, runtime_minutes,
    release_date, director, actors, keywords, budget, revenue, poster_url
) = ROW (
    excluded.title, excluded.original_title, excluded.year, excluded.imdb_id, excluded.tmdb_id,
    excluded.genres, excluded.overview, excluded.runtime_minutes, excluded.release_date,
    excluded.director, excluded.actors, excluded.keywords, excluded.budget, excluded.revenue,
    excluded.poster_url
)
WHERE (
    m.title, m.original_title, m.year, m.imdb_id, m.tmdb_id, m.genres, m.overview,
    m.runtime_minutes, m.release_date, m.director, m.actors, m.keywords, m.budget, m.revenue,
    m.poster_url
) IS DISTINCT FROM (
    excluded.title, excluded.original_title, excluded.year, excluded.imdb_id, excluded.tmdb_id,
    excluded.genres, excluded.overview, excluded.runtime_minutes, excluded.release_date,
    excluded.director, excluded.actors, excluded.keywords, excluded.budget, excluded.revenue,
    excluded.poster_url
);

-- name: analyze_movies
ANALYZE movies;

-- name: next_batch
-- Whole users, until there are more than :rows rows; and how many rows that are.
SELECT last.user_id, (
    SELECT count(*) FROM staging_ratings WHERE user_id > :after AND user_id <= last.user_id
) AS rows
FROM (
    SELECT user_id FROM staging_ratings WHERE user_id > :after
    ORDER BY user_id, movie_id OFFSET :rows LIMIT 1
) last;

-- name: upsert_ratings
INSERT INTO ratings AS r (user_id, movie_id, rating, rated_at)
SELECT user_id, movie_id, rating, to_timestamp(rated_at)
FROM staging_ratings
WHERE user_id > :after AND user_id <= :last
ORDER BY user_id, movie_id
ON CONFLICT (user_id, profile, movie_id) DO UPDATE
SET rating = excluded.rating, rated_at = excluded.rated_at
-- A rating given here since the source was written stays.
WHERE r.rated_at <= excluded.rated_at
  AND (r.rating <> excluded.rating OR r.rated_at <> excluded.rated_at);

-- name: upsert_tags
INSERT INTO tags AS t (user_id, movie_id, tag, tagged_at)
SELECT DISTINCT ON (user_id, movie_id, tag) user_id, movie_id, tag, to_timestamp(tagged_at)
FROM staging_tags
ORDER BY user_id, movie_id, tag, tagged_at
ON CONFLICT (user_id, movie_id, tag) DO UPDATE SET tagged_at = excluded.tagged_at
WHERE t.tagged_at IS DISTINCT FROM excluded.tagged_at;

-- name: save_source
INSERT INTO sources AS s (name, location, movies, ratings, tags)
VALUES (:name, :location, :movies, :ratings, :tags)
ON CONFLICT (name) DO UPDATE SET
    location = excluded.location,
    movies = greatest(s.movies, excluded.movies),
    ratings = greatest(s.ratings, excluded.ratings),
    tags = greatest(s.tags, excluded.tags),
    loaded_at = excluded.loaded_at;

-- name: has_embeddings
SELECT EXISTS (SELECT FROM embedding_model);

-- name: refresh_stats
SELECT refresh_stats();

-- name: refresh_profiles
SELECT refresh_profiles();

-- name: analyze
ANALYZE movies, ratings, tags, users, movie_stats, movie_vectors;
