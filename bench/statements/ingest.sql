-- A table as ratings is, without its triggers, for a plain COPY to compare with.

-- name: create_plain
CREATE TABLE plain_movies (movie_id bigint PRIMARY KEY, title text NOT NULL);
CREATE TABLE plain_ratings (LIKE ratings INCLUDING ALL);
ALTER TABLE plain_ratings ADD FOREIGN KEY (movie_id) REFERENCES plain_movies;

-- name: copy_plain_movies
COPY plain_movies FROM STDIN;

-- name: copy_plain
COPY plain_ratings (user_id, movie_id, rating, rated_at) FROM STDIN WITH (FORMAT csv);

-- name: drop_plain
DROP TABLE plain_ratings, plain_movies;

-- name: backend
SELECT pg_backend_pid();
