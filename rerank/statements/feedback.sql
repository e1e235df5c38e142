-- name: add
-- What is sent twice is known. A user by name is made, as by an event.
WITH added AS (
    INSERT INTO feedback (answer_id, movie_id, kind, position, sources, user_id, happened_at)
    SELECT f.answer_id, f.movie_id, f.kind, f.position, coalesce(f.sources, '{}'),
           CASE WHEN f.user_id IS NOT NULL THEN name_user(f.user_id) END, coalesce(f.happened_at, now())
    FROM jsonb_to_recordset(CAST(:feedback AS jsonb)) f (
        answer_id text, movie_id bigint, kind text, position integer, sources text[], user_id text,
        happened_at timestamptz)
    ON CONFLICT (answer_id, movie_id, kind) DO NOTHING
    RETURNING 1
)
SELECT count(*) FROM added;
