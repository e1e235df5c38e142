-- name: user_named
SELECT user_named(:name);

-- name: name_user
SELECT name_user(:name);

-- name: lock_user
-- What is sent of a user meanwhile waits, and then begins a new profile. Rows cannot be locked for
-- that: a profile that begins meanwhile has none yet.
SELECT pg_advisory_xact_lock(hashtextextended('palate user', :user_id));

-- name: rows
SELECT coalesce(jsonb_agg(to_jsonb(t)), '[]') FROM {table} t WHERE t.user_id = %(user_id)s;

-- name: delete
DELETE FROM {table} WHERE user_id = %(user_id)s;

-- name: forget_asked
-- That it was asked, and what it cost, is counted by budgets; of whom, and what, is forgotten.
UPDATE llm_calls SET question = NULL, answer = NULL, user_id = NULL WHERE user_id = :user_id;

-- name: left
SELECT count(*) FROM {table} WHERE user_id = %(user_id)s;

-- name: name
SELECT name FROM user_names WHERE user_id = :user_id;

-- name: refresh_stats
SELECT refresh_stats();
