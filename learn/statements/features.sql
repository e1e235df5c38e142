-- name: features
-- search_features() as the service calls it, for many queries at once.
SELECT q.number, h.movie_id, h.bm25_score, h.relaxed, h.bm25, h.content, h.collaborative,
       h.popularity, h.features
FROM unnest(CAST(:numbers AS bigint[]), CAST(:user_ids AS bigint[]),
            CAST(:queries AS jsonb[]), CAST(:looses AS jsonb[]))
     AS q (number, user_id, query, loose)
CROSS JOIN LATERAL search_features(
    query       => q.query,
    for_user    => q.user_id,
    candidates  => :candidates,
    loose       => q.loose,
    seen        => 'drop',
    relax_below => :k) h;
