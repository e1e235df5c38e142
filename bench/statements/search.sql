-- Parameters are psycopg's: this runs on a plain connection, prepared. Candidates are written into
-- the statement, as the service does.
-- name: search
SELECT * FROM search(
    %(query)s::jsonb, for_user => %(user_id)s::bigint, k => 10,
    candidates => {candidates}, loose => %(loose)s::jsonb, typed => %(typed)s::text
)

-- name: candidates
SELECT * FROM search_candidates(%(query)s::jsonb, {candidates})

-- name: tasters
SELECT user_id FROM users
WHERE profile = 'main' AND embedding IS NOT NULL
ORDER BY user_id LIMIT :users;

-- name: catalog
SELECT (SELECT count(*) FROM movies) AS films,
       (SELECT count(*) FROM ratings) AS ratings,
       current_setting('server_version') AS server;
