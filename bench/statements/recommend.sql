-- Parameters are psycopg's: these run on a plain connection, prepared, as at psql.
-- name: recommend
SELECT * FROM recommend(%(person)s::bigint, k => 10)

-- name: similar
SELECT * FROM "similar"(%(film)s::bigint, for_user => %(person)s::bigint)

-- name: films
-- Rated ones, spread over the catalog.
SELECT s.movie_id FROM movie_stats s JOIN movie_vectors v USING (movie_id)
WHERE s.rating_count > 0 ORDER BY md5(s.movie_id::text) LIMIT :n;
