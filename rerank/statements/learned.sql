-- name: search
-- As `search`, with what the learned order needs of every candidate and without what is shown.
WITH hits AS MATERIALIZED (
    SELECT * FROM search_features(
        query       => CAST(:query AS jsonb),
        for_user    => CAST(:user_id AS bigint),
        profile     => :profile,
        candidates  => :candidates,
        loose       => CAST(:loose AS jsonb),
        seen        => :seen,
        relax_below => :k)
)
SELECT b.bm25 AS weight_bm25, b.semantic AS weight_semantic, b.content AS weight_content,
       b.collaborative AS weight_collaborative, b.popularity AS weight_popularity,
       u.user_id IS NOT NULL AS user_known, coalesce(u.rating_count, 0) AS user_ratings,
       u.embedding IS NOT NULL OR EXISTS (
           SELECT FROM user_factors f JOIN models a ON a.id = f.model_id
           WHERE f.user_id = u.user_id AND f.profile = u.profile AND f.rating_count > 0
             AND a.kind = 'factors' AND a.state = 'active') AS user_has_taste,
       (SELECT o.id FROM models o WHERE o.kind = 'order' AND o.state = 'active') AS order_id,
       h.*
FROM blend b
LEFT JOIN users u ON u.user_id = CAST(:user_id AS bigint) AND u.profile = :profile
LEFT JOIN hits h ON true
ORDER BY h.rank;

-- name: films
-- What a page shows of its films.
SELECT movie_id, original_title, genres, director, overview, runtime_minutes, poster_url,
       avg_rating, rating_count
FROM movies WHERE movie_id = ANY(CAST(:movie_ids AS bigint[]));

-- name: order
SELECT name, version, body FROM models WHERE id = :id;

-- name: active_order
SELECT id FROM models WHERE kind = 'order' AND state = 'active';
