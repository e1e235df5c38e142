-- name: clicks
-- Films of answers that were shown (an impression, or a click or play that tells of one), by ranking,
-- position and source, and how many of them were clicked and played.
WITH shown AS MATERIALIZED (
    SELECT f.answer_id, f.movie_id, min(f.position) AS position,
           array_agg(DISTINCT s.source) FILTER (WHERE s.source IS NOT NULL) AS sources,
           bool_or(f.kind = 'click') AS clicked, bool_or(f.kind = 'play') AS played
    FROM feedback f LEFT JOIN LATERAL unnest(f.sources) s(source) ON true
    WHERE f.happened_at > now() - make_interval(days => :days)
    GROUP BY f.answer_id, f.movie_id
)
SELECT g.kind, g.value, count(*) AS shown, count(*) FILTER (WHERE s.clicked) AS clicked,
       count(*) FILTER (WHERE s.played) AS played
FROM shown s
CROSS JOIN LATERAL (
    SELECT 'ranking' AS kind,
           split_part(s.answer_id, '.', 1) || ' by ' || split_part(s.answer_id, '.', 2) AS value
    UNION ALL SELECT 'position', s.position::text WHERE s.position IS NOT NULL
    UNION ALL SELECT 'source', x.source FROM unnest(s.sources) x(source)
) g
GROUP BY g.kind, g.value
ORDER BY g.kind, CASE WHEN g.kind = 'position' THEN g.value::integer END, count(*) DESC, g.value;
