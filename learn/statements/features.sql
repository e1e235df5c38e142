-- name: features
-- search_features() as the service calls it, for many queries at once.
SELECT q.number, h.movie_id, h.bm25_score,
       array_position(enum_range(NULL::match_level), h.level) - 1 AS level, h.bm25, h.content, h.collaborative,
       h.popularity, h.features
FROM unnest(CAST(:numbers AS bigint[]), CAST(:user_ids AS bigint[]),
            CAST(:queries AS jsonb[]), CAST(:looses AS jsonb[]), CAST(:typed AS text[]))
     AS q (number, user_id, query, loose, typed)
CROSS JOIN LATERAL search_features(
    query       => q.query,
    for_user    => q.user_id,
    candidates  => :candidates,
    loose       => q.loose,
    seen        => 'drop',
    relax_below => :k,
    typed       => q.typed) h;
