-- name: recommend
-- One round trip: what is known of the user, the weights, and the page.
SELECT c.*, h.*, m.genres, m.director, m.overview, m.runtime_minutes, m.poster_url, m.avg_rating,
       coalesce(m.rating_count, 0) AS rating_count
FROM search_context(CAST(:user_id AS bigint), :profile) c
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
