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

-- name: reserve
INSERT INTO llm_calls (model, prompt, tokens_in, tokens_out, cost, question, user_id)
SELECT :model, :prompt, :tokens_in, :tokens_out, CAST(:cost AS double precision),
       CAST(:question AS text), CAST(:user_id AS bigint)
FROM (
    SELECT coalesce(sum(tokens_in + tokens_out), 0) AS tokens, coalesce(sum(cost), 0) AS cost
    FROM llm_calls
    WHERE called_at > now() - interval '24 hours'
      AND coalesce(CAST(:most_tokens AS bigint), CAST(:most_cost AS double precision)) IS NOT NULL
) spent
WHERE spent.tokens + :tokens_in + :tokens_out <= coalesce(CAST(:most_tokens AS bigint), 9e18)
  AND spent.cost + coalesce(CAST(:cost AS double precision), 0)
      <= coalesce(CAST(:most_cost AS double precision), 'Infinity')
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
