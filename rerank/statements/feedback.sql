-- name: add
SELECT add_feedback(CAST(:feedback AS jsonb));
