-- name: changes
-- How many films were ever inserted, updated or deleted, as the server's statistics count: another
-- number after a change was committed.
SELECT pg_stat_get_tuples_inserted(oid) + pg_stat_get_tuples_updated(oid)
       + pg_stat_get_tuples_deleted(oid)
FROM pg_class WHERE oid = 'movies'::regclass;

-- name: film
SELECT movie_id, title, year, rating_count FROM movies WHERE movie_id = movie_named(:id);

-- name: titles
SELECT original_title, movie_id, title, year, rating_count FROM movies
ORDER BY rating_count DESC, movie_id;

-- name: people
SELECT p.name, bool_or(p.directs) AS directs, bool_or(NOT p.directs) AS acts, count(*) AS films
FROM (SELECT director AS name, true AS directs FROM movies WHERE director <> ''
      UNION ALL SELECT unnest(actors), false FROM movies) p
GROUP BY p.name
ORDER BY count(*) DESC, p.name;

-- name: genres
SELECT DISTINCT unnest(genres) AS name FROM movies ORDER BY name;

-- name: keywords
SELECT DISTINCT unnest(keywords) AS name FROM movies ORDER BY name;

-- name: latest_year
SELECT max(year) FROM movies;
