-- One creator at a time, so that two agree on who the tasters are.
-- name: lock
SELECT pg_advisory_xact_lock(hashtext('palate test users'));

-- People who have one of these ids: known, and not made by us.
-- name: real_people
SELECT user_id FROM users WHERE user_id = ANY(:user_ids) AND NOT synthetic
UNION
SELECT user_id FROM tags WHERE user_id = ANY(:user_ids)
ORDER BY user_id;

-- name: add_users
INSERT INTO users (user_id, synthetic)
SELECT unnest(CAST(:user_ids AS bigint[])), true
ON CONFLICT (user_id, profile) DO NOTHING;

-- The most rated first: what "50 fantasy films" means is the same on every run.
-- name: fantasy_films
SELECT m.movie_id
FROM movies m
WHERE EXISTS (SELECT FROM unnest(m.genres) g WHERE lower(g) = 'fantasy')
ORDER BY m.rating_count DESC, m.movie_id
LIMIT :films;

-- name: drop_other_ratings
DELETE FROM ratings
WHERE user_id = :user_id AND NOT (profile = 'main' AND movie_id = ANY(:movie_ids));

-- name: rate
INSERT INTO ratings AS r (user_id, movie_id, rating)
SELECT :user_id, unnest(CAST(:movie_ids AS bigint[])), :rating
ON CONFLICT (user_id, profile, movie_id) DO UPDATE SET rating = excluded.rating
WHERE r.rating <> excluded.rating;

-- name: vectors
SELECT user_id, embedding IS NOT NULL AS has_vector
FROM users
WHERE user_id = ANY(:user_ids) AND profile = 'main' AND synthetic;

-- name: remove_ratings
DELETE FROM ratings WHERE user_id = ANY(:user_ids);

-- name: remove_users
DELETE FROM users WHERE user_id = ANY(:user_ids) AND synthetic;

-- Where each candidate stands for nobody (NULL) and for each taster.
-- name: ranks
SELECT t.term, u.user_id, hit.rank, hit.movie_id, hit.level,
       EXISTS (SELECT FROM unnest(m.genres) g WHERE lower(g) = 'fantasy') AS fantasy
FROM unnest(CAST(:terms AS text[])) AS t (term)
CROSS JOIN unnest(CAST(:user_ids AS bigint[])) AS u (user_id)
CROSS JOIN LATERAL search(t.term, for_user => u.user_id, k => :candidates,
                          candidates => :candidates) AS hit
JOIN movies m ON m.movie_id = hit.movie_id;
