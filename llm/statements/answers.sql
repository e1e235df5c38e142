-- A language model's answers and calls.

-- name: find
SELECT answer FROM llm_answers WHERE key = :key AND expires_at > now();

-- name: keep
INSERT INTO llm_answers (key, model, prompt, answer, expires_at, user_id)
VALUES (:key, :model, :prompt, :answer, now() + make_interval(secs => :seconds), :user_id)
ON CONFLICT (key) DO UPDATE SET
    model = excluded.model, prompt = excluded.prompt, answer = excluded.answer,
    created_at = now(), expires_at = excluded.expires_at,
    user_id = excluded.user_id;

-- name: lock_budget
-- Whoever reserves sees what all others have reserved.
SELECT pg_advisory_xact_lock(hashtextextended('palate.llm.budget', 0));

-- name: spent
-- What the calls of 24 hours came to: those that have ended, or must have, then those under way.
SELECT coalesce(sum(c.tokens_in), 0)::bigint AS tokens_in,
       coalesce(sum(c.tokens_out), 0)::bigint AS tokens_out, coalesce(sum(c.cost), 0) AS cost
FROM (VALUES (false), (true)) r (runs)
LEFT JOIN llm_calls c
    ON (c.outcome = 'running' AND c.called_at > now() - make_interval(secs => :longest)) = r.runs
   AND c.called_at > now() - interval '24 hours'
GROUP BY r.runs
ORDER BY r.runs;

-- name: reserve
INSERT INTO llm_calls (model, prompt, tokens_in, tokens_out, cost, question, user_id)
VALUES (:model, :prompt, :tokens_in, :tokens_out, CAST(:cost AS double precision),
        CAST(:question AS text), CAST(:user_id AS bigint))
RETURNING id;

-- name: settle
UPDATE llm_calls SET
    outcome = :outcome, tokens_in = :tokens_in, tokens_out = :tokens_out, cost = :cost,
    seconds = :seconds, answer = :answer
WHERE id = :id;

-- name: recent_calls
SELECT id, called_at, model, prompt, outcome, tokens_in, tokens_out, cost, seconds, question, answer
FROM llm_calls ORDER BY id DESC LIMIT :n;

-- name: costs
SELECT date_trunc('day', called_at AT TIME ZONE 'UTC')::date AS day, model, prompt, count(*) AS calls,
       count(*) FILTER (WHERE outcome IN ('ok', 'repaired')) AS answered,
       count(*) FILTER (WHERE outcome = 'repaired') AS repaired,
       sum(tokens_in)::bigint AS tokens_in, sum(tokens_out)::bigint AS tokens_out,
       sum(cost) AS cost, sum(seconds) AS seconds
FROM llm_calls
WHERE called_at > now() - make_interval(days => :days)
GROUP BY 1, 2, 3 ORDER BY 1 DESC, 2, 3;

-- name: prune_answers
DELETE FROM llm_answers WHERE expires_at <= now();

-- name: prune_calls
DELETE FROM llm_calls WHERE called_at < now() - make_interval(secs => :seconds);

-- name: forget_answers
DELETE FROM llm_answers;

-- name: forget_texts
UPDATE llm_calls SET question = NULL, answer = NULL
WHERE question IS NOT NULL OR answer IS NOT NULL;
