-- name: search
-- As `search`, with every candidate and what is known of the user, and without what is shown.
SELECT c.*, r.*, h.*
FROM search_context(CAST(:user_id AS bigint), :profile) c
LEFT JOIN (
    SELECT rated, stars, told, times, years, rated_genres, middle, ratings, factors_id, parameters
    FROM latest_ratings(CAST(:user_id AS bigint), :profile)
) r ON true
LEFT JOIN search_columns(
    query       => CAST(:query AS jsonb),
    for_user    => CAST(:user_id AS bigint),
    profile     => :profile,
    candidates  => :candidates,
    loose       => CAST(:loose AS jsonb),
    seen        => :seen,
    relax_below => :k,
    typed       => CAST(:typed AS text),
    filter      => CAST(:filter AS jsonb)) h ON true;

-- name: factors
SELECT movie_id, vector_send(factors_in) AS inward, vector_send(factors_out) AS outward
FROM movie_factors WHERE model_id = :id AND movie_id = ANY(CAST(:movie_ids AS bigint[]));

-- name: films
-- What a page shows of its films.
SELECT m.movie_id, m.item_id, m.original_title, m.genres, m.director, m.overview, m.runtime_minutes, m.poster_url,
       n.avg_rating, n.rating_count, m.own,
       (SELECT true FROM seen_movies s WHERE s.user_id = CAST(:user_id AS bigint) AND s.profile = :profile
                                         AND s.movie_id = m.movie_id LIMIT 1) IS NOT NULL AS seen
FROM movies m CROSS JOIN LATERAL ratings_now(m.movie_id) n
WHERE m.movie_id = ANY(CAST(:movie_ids AS bigint[]));

-- name: order
SELECT name, version, body FROM models WHERE id = :id;

-- name: active_order
SELECT id FROM models WHERE kind = 'order' AND state = 'active';
