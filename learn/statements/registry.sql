-- Stored models: see table models.

-- name: lock
SELECT pg_advisory_xact_lock(hashtext('palate'), hashtext('models'));

-- name: save
INSERT INTO models (kind, name, version, parameters, metrics, fingerprint, weights, body)
SELECT :kind, :name, coalesce(max(version), 0) + 1, CAST(:parameters AS jsonb),
       CAST(:metrics AS jsonb), :fingerprint, CAST(:weights AS jsonb), :body
FROM models WHERE kind = :kind AND name = :name
RETURNING id;

-- name: copy_factors
COPY movie_factors (movie_id, model_id, factors_in, factors_out) FROM STDIN (FORMAT binary);

-- name: move_factors
-- A task that Spark ran twice wrote its films twice.
INSERT INTO movie_factors (movie_id, model_id, factors_in, factors_out)
SELECT DISTINCT ON (movie_id) movie_id, %(id)s, factors_in, factors_out FROM {schema}.factors;

-- name: read_factors
SELECT movie_id, factors_in::real[] AS factors_in, factors_out::real[] AS factors_out
FROM movie_factors WHERE model_id = :id ORDER BY movie_id;

-- name: body
SELECT body FROM models WHERE id = :id;

-- name: models
SELECT id, kind, name, version, state, parameters, metrics, weights, fingerprint, created_at,
       activated_at
FROM models ORDER BY kind, created_at DESC, id DESC;

-- name: model
SELECT id, kind, name, version, state, parameters, metrics, weights, fingerprint, created_at,
       activated_at
FROM models WHERE id = :id;

-- name: active
SELECT id, kind, name, version, state, parameters, metrics, weights, fingerprint, created_at,
       activated_at
FROM models WHERE kind = :kind AND state = 'active';

-- name: previous
-- The one that was active before the one that is.
SELECT id, kind, name, version, state, parameters, metrics, weights, fingerprint, created_at,
       activated_at
FROM models WHERE kind = :kind AND state = 'retired' AND activated_at IS NOT NULL
ORDER BY activated_at DESC LIMIT 1;

-- name: activate
SELECT activate_model(:id);

-- name: use_weights
-- In the blend, and with the active factors, which bring them back when they are activated again.
WITH given AS (
    SELECT CAST(:weights AS jsonb) AS w
), kept AS (
    UPDATE models SET weights = given.w FROM given WHERE kind = 'factors' AND state = 'active'
)
UPDATE blend b SET
    bm25          = coalesce((given.w ->> 'bm25')::double precision, b.bm25),
    content       = coalesce((given.w ->> 'content')::double precision, b.content),
    collaborative = coalesce((given.w ->> 'collaborative')::double precision, b.collaborative),
    popularity    = coalesce((given.w ->> 'popularity')::double precision, b.popularity)
FROM given;

-- name: retire
UPDATE models SET state = 'retired' WHERE kind = :kind AND state = 'active' RETURNING id;

-- name: remove
DELETE FROM models WHERE id = :id AND state <> 'active';

-- name: active_order
SELECT id, name, version, body FROM models WHERE kind = 'order' AND state = 'active';

-- name: analyze
ANALYZE movie_factors, user_factors, models;
