-- name: reasons
-- For each film of a page the user's own ratings nearest to it, among the 50 that are nearest to
-- the page as a whole. `cosine` is of centred text embeddings.
WITH page AS MATERIALIZED (
    SELECT m.movie_id, m.embedding - e.mean AS centred
    FROM movies m CROSS JOIN embedding_model e
    WHERE m.movie_id = ANY(CAST(:movie_ids AS bigint[])) AND m.embedding IS NOT NULL
), middle AS MATERIALIZED (
    SELECT avg(centred) AS centred FROM page
), relevant AS MATERIALIZED (
    SELECT m.movie_id, m.title, m.year, r.rating, m.embedding - e.mean AS centred
    FROM ratings r JOIN movies m USING (movie_id) CROSS JOIN embedding_model e CROSS JOIN middle
    WHERE r.user_id = :user_id AND r.profile = :profile AND m.embedding IS NOT NULL
      AND (r.rating >= 3.5 OR r.rating <= 2.5)
    ORDER BY (m.embedding - e.mean) <=> middle.centred, m.movie_id
    LIMIT 50
)
SELECT p.movie_id, n.title, n.year, n.rating, n.cosine
FROM page p
CROSS JOIN LATERAL (
    SELECT r.title, r.year, r.rating, 1 - (r.centred <=> p.centred) AS cosine
    FROM relevant r
    WHERE r.movie_id <> p.movie_id
    ORDER BY r.centred <=> p.centred, r.movie_id
    LIMIT 6
) n
ORDER BY p.movie_id, n.cosine DESC, n.title;

-- name: liked
-- The films that a user likes best, the latest first among equals.
SELECT m.movie_id, m.title, m.year, m.genres, m.director, m.overview
FROM ratings r JOIN movies m USING (movie_id)
WHERE r.user_id = :user_id AND r.profile = :profile AND r.rating >= 3.5
ORDER BY r.rating DESC, r.rated_at DESC, m.movie_id
LIMIT :n;
