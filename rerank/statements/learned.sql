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
        relax_below => :k,
        typed       => CAST(:typed AS text),
        filter      => CAST(:filter AS jsonb))
)
-- What is known of the user is in the first row only, whether or not a film is.
SELECT c.*, h.*
FROM (SELECT CAST(1 AS bigint) AS first, x.*
      FROM search_context(CAST(:user_id AS bigint), :profile) x) c
FULL JOIN hits h ON h.rank = c.first
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
