-- Made-up ratings in a scratch database, to be read as training reads them.

-- name: without_triggers
ALTER TABLE movies DISABLE TRIGGER ALL;
ALTER TABLE ratings DISABLE TRIGGER ALL;

-- name: movies
INSERT INTO movies (movie_id, title) SELECT i, 'Film ' || i FROM generate_series(1, :n) i;

-- name: users
INSERT INTO users (user_id) SELECT i FROM generate_series(1, :n) i;

-- name: copy
COPY ratings (user_id, movie_id, rating, rated_at) FROM STDIN (FORMAT csv);
