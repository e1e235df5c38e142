-- name: range
SELECT search_range(:low, :high, :width);

-- name: stored_terms
SELECT lexeme, movie_id, tf, dl FROM movie_terms ORDER BY lexeme, movie_id;

-- name: stored_vectors
SELECT movie_id, tsv::text FROM movie_search ORDER BY movie_id;

-- name: stored_totals
SELECT code, sum(tokens)::bigint FROM search_totals GROUP BY code HAVING sum(tokens) <> 0 ORDER BY code;

-- name: term_versions
SELECT lexeme, xmin::text FROM movie_terms ORDER BY lexeme;

-- name: refresh
SELECT refresh_search();

-- name: insert
INSERT INTO movies (movie_id, title, overview, actors, year)
VALUES (:movie_id, :value, 'of ' || :value, ARRAY[:value, 'Ann Other'], 1990 + :movie_id)
ON CONFLICT (movie_id) DO UPDATE SET title = excluded.title, overview = NULL;

-- name: retitle
UPDATE movies SET title = :value WHERE movie_id = :movie_id;

-- name: retitle_all
UPDATE movies SET title = CASE movie_id % 2 WHEN 1 THEN 'Odd ' ELSE 'Even ' END || title;

-- name: rate
UPDATE movies SET avg_rating = :value, rating_count = rating_count + 1 WHERE movie_id = :movie_id;

-- name: regenre
UPDATE movies SET genres = ARRAY[:value, :value, 'Fantasy'], year = year + 1
WHERE movie_id >= :movie_id;

-- name: renumber
UPDATE movies SET movie_id = :value
WHERE movie_id = :movie_id AND NOT EXISTS (SELECT FROM movies WHERE movie_id = :value);

-- name: delete
DELETE FROM movies WHERE movie_id = :movie_id;

-- name: truncate
TRUNCATE movies CASCADE;

-- name: rate_films
INSERT INTO ratings (user_id, movie_id, rating) VALUES (7, :movie_id, 4);

-- name: unseen
SELECT movie_id
FROM search_candidates(CAST(:query AS jsonb), :n, unseen_by => CAST(:user_id AS bigint), profile => :profile);

-- name: add_title
INSERT INTO movies (movie_id, title) VALUES (:movie_id, :title);

-- name: make_schema
CREATE SCHEMA scratch;

-- name: use_schema
SET LOCAL search_path = scratch, palate, public;

-- name: use_public
SET LOCAL search_path = palate, public;

-- name: copy_movies
CREATE TABLE movies (LIKE palate.movies INCLUDING ALL);

-- name: parse
SELECT parse_query(:text);
