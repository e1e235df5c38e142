-- Parameters are psycopg's: this runs on a plain connection, prepared.
-- name: search
SELECT * FROM search(
    %(query)s::jsonb, for_user => %(user_id)s::bigint, k => 10,
    candidates => %(candidates)s, loose => %(loose)s::jsonb
)

-- name: candidates
SELECT * FROM search_candidates(%(query)s::jsonb, %(candidates)s)

-- name: tasters
SELECT user_id FROM users
WHERE profile = 'main' AND embedding IS NOT NULL
ORDER BY user_id LIMIT :users;

-- name: catalog
SELECT (SELECT count(*) FROM movies) AS films,
       (SELECT count(*) FROM ratings) AS ratings,
       current_setting('server_version') AS server;
