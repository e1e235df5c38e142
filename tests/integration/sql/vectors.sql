-- name: differ
-- Films whose vector is not what their embedding gives.
SELECT movie_id
FROM movie_vectors v
FULL JOIN (SELECT m.movie_id, l2_normalize(m.embedding - e.mean) AS content
           FROM movies m CROSS JOIN embedding_model e
           WHERE m.embedding IS NOT NULL) m USING (movie_id)
WHERE v.content IS DISTINCT FROM m.content

-- name: index_small_catalogs
CREATE OR REPLACE FUNCTION vectors_indexed_from() RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN 1000;

-- name: recommend
SELECT movie_id FROM recommend(%(user)s, k => 20)

-- name: recommend_drama
SELECT movie_id FROM recommend(%(user)s, k => 20, filter => parse_query('genres:Drama'))

-- name: sources
SELECT p.movie_id
FROM users u JOIN user_factors f USING (user_id, profile)
CROSS JOIN LATERAL (
    SELECT movie_id FROM popular_movies(100)
    UNION ALL SELECT movie_id FROM nearest_movies(u.embedding, 100)
    UNION ALL SELECT movie_id FROM movies_by_factors(f.model_id, f.factors, 100)) p
WHERE u.user_id = %(user)s

-- name: similar
SELECT s.movie_id
FROM (SELECT movie_id FROM movies ORDER BY movie_id OFFSET %(user)s * 50 LIMIT 1) m
CROSS JOIN LATERAL similar(m.movie_id, k => 20, for_user => %(user)s) s

-- name: rows_read
SELECT relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)
FROM pg_stat_xact_user_tables
