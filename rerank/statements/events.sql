-- name: add
SELECT * FROM add_events(:user_id, CAST(:events AS jsonb), :profile);

-- name: page
-- The newest first; ratings that did not come as events are events `rated`.
SELECT h.event_id, h.type, h.movie_id, m.item_id, m.title, m.year, h.genre, h.rating, h.source,
       to_char(h.happened_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS happened_at
FROM (
    SELECT e.event_id, e.type, e.movie_id, e.genre, e.rating, e.happened_at, e.source
    FROM events e WHERE e.user_id = :user_id AND e.profile = :profile
    UNION ALL
    SELECT 'rated-' || r.movie_id, 'rated', r.movie_id, NULL, r.rating, r.rated_at, NULL
    FROM ratings r
    WHERE r.user_id = :user_id AND r.profile = :profile
      AND NOT EXISTS (
          SELECT FROM events e
          WHERE e.user_id = r.user_id AND e.profile = r.profile AND e.movie_id = r.movie_id
            AND e.type = 'rated' AND e.happened_at = r.rated_at)
) h
LEFT JOIN movies m USING (movie_id)
WHERE (CAST(:type AS text) IS NULL OR h.type = :type)
  AND (CAST(:before AS timestamptz) IS NULL
       OR (h.happened_at, h.event_id COLLATE "C") < (CAST(:before AS timestamptz), :before_id))
ORDER BY h.happened_at DESC, h.event_id COLLATE "C" DESC
LIMIT :limit;

-- name: lock_user
SELECT pg_advisory_xact_lock(hashtextextended('palate user', :user_id));

-- name: undo
DELETE FROM events WHERE user_id = :user_id AND event_id = :event_id;

-- name: undo_rating
DELETE FROM ratings
WHERE user_id = :user_id AND profile = :profile AND 'rated-' || movie_id = :event_id;

-- name: undo_events
DELETE FROM events
WHERE user_id = :user_id AND profile = :profile AND (CAST(:type AS text) IS NULL OR type = :type);

-- name: undo_ratings
DELETE FROM ratings WHERE user_id = :user_id AND profile = :profile;

-- name: weights
SELECT type, weight FROM event_weights ORDER BY weight DESC, type;

-- name: set_weight
UPDATE event_weights SET weight = :weight WHERE type = :type;

-- name: refresh_factors
SELECT refresh_user_factors(id) FROM models WHERE kind = 'factors' AND state = 'active';
