-- For people at psql: why a film stands where it does, and users' tastes in words.

-- explain_search(): a row for each part of each film's score, the greatest first; the
-- contributions of a film add up to its score. Its level, which no score crosses, stands before.
CREATE OR REPLACE FUNCTION explain_search(
    query    text,
    for_user bigint  DEFAULT NULL,
    profile  text    DEFAULT 'main',
    k        integer DEFAULT 5
) RETURNS TABLE (
    rank         bigint,
    title        text,
    score        double precision,
    component    text,
    value        double precision,
    weight       double precision,
    contribution double precision,
    reason       text
) LANGUAGE sql STABLE BEGIN ATOMIC
WITH hits AS MATERIALIZED (
    SELECT * FROM search(query, for_user, explain_search.profile, k)
), person AS MATERIALIZED (
    SELECT u.embedding, e.mean
    FROM users u CROSS JOIN embedding_model e
    WHERE u.user_id = for_user AND u.profile = explain_search.profile
)
SELECT h.rank, h.title, h.score, p.component, p.value, (c.weights ->> p.component)::double precision,
       p.contribution, p.reason
FROM hits h
CROSS JOIN search_context(for_user, explain_search.profile) c
JOIN movies m ON m.movie_id = h.movie_id
LEFT JOIN LATERAL (
    -- The rating that is nearest to the film by text, on the side to which taste moved it.
    SELECT format('%s given to %s', round(r.rating::numeric, 1), n.title) AS given
    FROM person q
    JOIN ratings r ON r.user_id = for_user AND r.profile = explain_search.profile
    JOIN movies n ON n.movie_id = r.movie_id
    WHERE n.movie_id <> h.movie_id AND n.embedding IS NOT NULL AND m.embedding IS NOT NULL
      AND (r.rating >= 3.5) = (h.content >= 0.5)
    ORDER BY (n.embedding - q.mean) <=> (m.embedding - q.mean), n.movie_id
    LIMIT 1
) near ON true
CROSS JOIN LATERAL (VALUES
    ('level', array_position(enum_range(NULL::match_level), h.level) - 1.0, 0.0, h.level::text),
    ('bm25', h.bm25, h.bm25_contribution, format('its text matches: BM25 %s', h.bm25_score)),
    ('semantic', h.semantic, h.semantic_contribution, 'its meaning is near the query'),
    ('content', h.content, h.content_contribution,
     coalesce('its text is near a film you rated: ' || near.given, 'your taste as a whole')),
    ('collaborative', h.collaborative, h.collaborative_contribution,
     'what people with your ratings liked'),
    ('popularity', h.popularity, h.popularity_contribution,
     format('%s people rated it', coalesce(m.rating_count, 0)))
) p (component, value, contribution, reason)
WHERE p.value IS NOT NULL
ORDER BY h.rank, p.component <> 'level', p.contribution DESC, p.component;
END;

-- Users with their tastes in words: SELECT * FROM tastes WHERE user_id = 20001;
--
-- What a group of n ratings with the mean m says is n / (n + 5) * (m - middle): the middle lies
-- between the user's own mean and 3.25, the middle of the scale, so that who gave everything
-- five stars likes it all, and who gave everything one star none of it.
CREATE OR REPLACE VIEW tastes AS
SELECT u.user_id, u.profile, u.rating_count, p.mean_rating, p.likes, p.dislikes
FROM users u
LEFT JOIN LATERAL (
    SELECT round(max(f.own)::numeric, 2) AS mean_rating,
           string_agg(f.words, ', ' ORDER BY f.liking DESC, f.name)
               FILTER (WHERE f.above <= 5 AND f.liking > 0) AS likes,
           string_agg(f.words, ', ' ORDER BY f.liking, f.name)
               FILTER (WHERE f.below <= 5 AND f.liking < 0) AS dislikes
    FROM (
        SELECT l.*, row_number() OVER (ORDER BY l.liking DESC, l.name) AS above,
               row_number() OVER (ORDER BY l.liking, l.name) AS below
        FROM (
            SELECT g.name, o.mean AS own, g.n / (g.n + 5.0) * (g.mean - (o.mean + 3.25) / 2) AS liking,
                   format('%s (%s at %s)', g.name, g.n, round(g.mean::numeric, 1)) AS words
            FROM preferences(u.user_id, u.profile) g
            JOIN preferences(u.user_id, u.profile) o ON o.kind = 'all'
            WHERE g.kind IN ('genre', 'director', 'actor')
        ) l
    ) f
) p ON true;
