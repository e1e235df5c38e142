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

-- name: dramas
SELECT movie_id FROM movies WHERE 'Drama' = ANY (genres)

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

-- name: searches
SELECT user_id, term, s
FROM unnest('{-1,1,2,3,4,5,15}'::bigint[]) user_id
CROSS JOIN unnest('{lord,king,love,"the man"}'::text[]) term
CROSS JOIN LATERAL search(term, for_user => nullif(user_id, -1), k => 50) s

-- name: not_copied
SELECT count(*) FROM movies m CROSS JOIN stats_version n
WHERE NOT EXISTS (SELECT FROM candidate_features c
                  WHERE c.movie_id = m.movie_id AND c.stats_version = n.version)

-- name: change_factors
UPDATE movie_factors SET factors_out = factors_in FROM models m
WHERE m.id = model_id AND m.state = 'active' AND movie_id % 3 = 0

-- name: lose_factors
DELETE FROM movie_factors USING models m
WHERE m.id = model_id AND m.state = 'active' AND movie_id % 3 = 1

-- name: person
SELECT s.movie_id FROM search('the', for_user => %(user)s) s

-- name: context_of_nobody
SELECT * FROM search_context(NULL, 'main')

-- name: copies_read
SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)
FROM pg_stat_xact_user_tables WHERE relid = 'candidate_features'::regclass
