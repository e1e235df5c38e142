-- name: recommend
-- One round trip: what is known of the user, the weights, and the page.
SELECT b.content AS weight_content, b.collaborative AS weight_collaborative,
       b.popularity AS weight_popularity,
       u.user_id IS NOT NULL AS user_known, coalesce(u.rating_count, 0) AS user_ratings,
       h.*, m.genres, m.director, m.overview, m.runtime_minutes, m.poster_url, m.avg_rating,
       coalesce(m.rating_count, 0) AS rating_count
FROM blend b
LEFT JOIN users u ON u.user_id = CAST(:user_id AS bigint) AND u.profile = :profile
LEFT JOIN recommend(
    for_user   => CAST(:user_id AS bigint),
    profile    => :profile,
    k          => :k,
    candidates => :candidates,
    weights    => CAST(:weights AS jsonb),
    seen       => :seen,
    filter     => CAST(:filter AS jsonb)) h ON true
LEFT JOIN movies m ON m.movie_id = h.movie_id
ORDER BY h.rank;
