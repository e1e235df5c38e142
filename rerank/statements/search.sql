-- name: search
-- One round trip: the weights, what is known of the user, the page, and the whole order.
WITH context AS MATERIALIZED (
    -- Once: joined to the films, it would be made for each.
    SELECT * FROM search_context(CAST(:user_id AS bigint), :profile)
), hits AS MATERIALIZED (
    -- Of every film what orders it; what a page shows is looked up of its films alone.
    SELECT rank, movie_id, score, bm25, semantic, content, collaborative, popularity,
           bm25_contribution, semantic_contribution, content_contribution,
           collaborative_contribution, popularity_contribution, bm25_score, unpersonalized_rank,
           moved, personalized, relaxed, level, pinned
    FROM search(
        query           => CAST(:query AS jsonb),
        for_user        => CAST(:user_id AS bigint),
        profile         => :profile,
        k               => :candidates,
        candidates      => :candidates,
        weights         => CAST(:weights AS jsonb),
        loose           => CAST(:loose AS jsonb),
        seen            => :seen,
        query_embedding => CAST(:query_embedding AS vector),
        filter          => CAST(:filter AS jsonb),
        relax_below     => :k,
        typed           => CAST(:typed AS text))
)
SELECT c.*,
       CASE WHEN h.rank = 1 THEN (SELECT array_agg(o.movie_id ORDER BY o.rank) FROM hits o)
       END AS ordered,
       h.rank, h.movie_id, h.score, h.bm25, h.semantic, h.content, h.collaborative, h.popularity,
       h.bm25_contribution, h.semantic_contribution, h.content_contribution,
       h.collaborative_contribution, h.popularity_contribution, h.bm25_score, h.unpersonalized_rank,
       h.moved, h.personalized, h.relaxed, h.level::text AS level, h.pinned, m.item_id, m.title, m.year, m.original_title, m.genres, m.director, m.overview, m.runtime_minutes, m.poster_url,
       n.avg_rating, n.rating_count, m.own,
       (SELECT r.rating FROM ratings r WHERE r.user_id = CAST(:user_id AS bigint) AND r.profile = :profile
                                         AND r.movie_id = h.movie_id) AS rating,
       -- By its key: as EXISTS, it would be looked for among all that somebody has seen.
       (SELECT true FROM seen_movies s WHERE s.user_id = CAST(:user_id AS bigint) AND s.profile = :profile
                                         AND s.movie_id = h.movie_id LIMIT 1) IS NOT NULL AS seen
FROM context c
LEFT JOIN hits h ON CASE WHEN CAST(:page AS bigint[]) IS NULL THEN h.rank <= :k
                         ELSE h.movie_id = ANY(CAST(:page AS bigint[])) END
-- A film at a time by its key: planned as one join, it would read the whole catalog.
LEFT JOIN LATERAL (SELECT * FROM movies f WHERE f.movie_id = h.movie_id LIMIT 1) m ON true
LEFT JOIN LATERAL ratings_now(h.movie_id) n ON true
ORDER BY h.rank;

-- name: facets
WITH matches AS MATERIALIZED (
    SELECT m.movie_id, m.genres, m.year, m.own
    FROM search_matches(CAST(:query AS jsonb)) s JOIN movies m USING (movie_id)
)
SELECT 'total' AS kind, '' AS value, count(*) AS films FROM matches
UNION ALL
SELECT 'genre', g.genre, count(*) FROM matches, unnest(genres) AS g(genre) GROUP BY g.genre
UNION ALL
SELECT 'decade', (year / 10 * 10)::text || 's', count(*) FROM matches
WHERE year IS NOT NULL GROUP BY year / 10
UNION ALL
(SELECT o.name, o.value, o.films FROM (
    SELECT 'own ' || f.name AS name, v.value, count(*) AS films,
           row_number() OVER (PARTITION BY f.name ORDER BY count(*) DESC, v.value) AS place
    FROM own_fields f CROSS JOIN matches m CROSS JOIN unnest(own_list(m.own -> f.name)) v(value)
    WHERE f.facet GROUP BY f.name, v.value
) o WHERE o.place <= 100)
ORDER BY 1, 3 DESC, 2;

-- name: embedding_model
SELECT name FROM embedding_model;
