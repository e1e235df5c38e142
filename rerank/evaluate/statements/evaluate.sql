-- name: ratings
-- People's ratings; those of synthetic users teach and measure nothing.
COPY (
    SELECT r.user_id, r.movie_id, r.rating, extract(epoch FROM r.rated_at)::double precision AS rated_at
    FROM ratings r JOIN users u USING (user_id, profile)
    WHERE r.profile = 'main' AND NOT u.synthetic
    ORDER BY r.user_id, r.movie_id
) TO STDOUT (FORMAT csv, HEADER);

-- name: movies
SELECT movie_id, title, year, genres FROM movies ORDER BY movie_id;

-- name: candidates
-- search() as the service calls it, for many queries at once: every component, no film twice.
SELECT q.number, h.movie_id, h.bm25_score, h.bm25, h.content, h.collaborative, h.popularity
FROM unnest(CAST(:numbers AS bigint[]), CAST(:user_ids AS bigint[]),
            CAST(:queries AS jsonb[]), CAST(:looses AS jsonb[]))
     AS q (number, user_id, query, loose)
CROSS JOIN LATERAL search(
    query       => q.query,
    for_user    => q.user_id,
    profile     => 'main',
    k           => :candidates,
    candidates  => :candidates,
    loose       => q.loose,
    seen        => 'drop',
    relax_below => :k) h;

-- name: weights
SELECT bm25, content, collaborative, popularity FROM blend;
