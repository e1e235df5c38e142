-- name: titles
SELECT movie_id, title, original_title, year, rating_count FROM movies
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
