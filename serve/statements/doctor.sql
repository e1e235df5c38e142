-- name: server
SELECT current_setting('server_version_num')::integer AS version_number,
       current_setting('server_version') AS version,
       -- NULL for who may not know it.
       (SELECT setting FROM pg_settings WHERE name = 'shared_preload_libraries') AS preload,
       -- What sessions begin with: Palate's own switch it off.
       (SELECT reset_val = 'on' FROM pg_settings WHERE name = 'jit') AS jit,
       current_setting('random_page_cost')::double precision AS random_page_cost,
       pg_size_bytes(current_setting('shared_buffers')) AS shared_buffers,
       pg_database_size(current_database()) AS database_size,
       quote_ident(current_database()) AS database,
       current_user AS role;

-- name: extensions
SELECT a.name, a.default_version, a.installed_version, quote_ident(n.nspname) AS schema,
       quote_ident(current_user) AS role, NOT has_schema_privilege(n.oid, 'USAGE') AS barred
FROM pg_available_extensions a
LEFT JOIN pg_extension e ON e.extname = a.name
LEFT JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE a.name IN ('vector', 'pg_search') ORDER BY a.name;

-- name: counts
SELECT (SELECT count(*) FROM movies) AS movies,
       (SELECT count(*) FROM movies WHERE embedding IS NULL) AS without_vector,
       (SELECT count(*) FROM ratings) AS ratings,
       (SELECT count(*) FROM users) AS profiles,
       (SELECT count(*) FROM users WHERE embedding IS NULL AND rating_count > 0) AS tasteless,
       (SELECT count(*) FROM ratings r JOIN users u USING (user_id, profile)
        WHERE NOT u.synthetic) AS counted_ratings,
       (SELECT coalesce(sum(rating_count), 0) FROM movie_stats) AS stats_ratings,
       (SELECT count(*) FROM movie_stats) AS stats_movies,
       -- Of a refresh by hand searches know nothing.
       (SELECT count(*) FROM candidate_features c JOIN stats_version n ON n.version = c.stats_version
        JOIN movie_stats s USING (movie_id)
        WHERE c.popularity IS DISTINCT FROM s.popularity) AS otherwise_popular,
       (SELECT coalesce(sum(rating_count), 0) FROM movies) AS copied_ratings,
       (SELECT name FROM sources) AS source,
       (SELECT name FROM embedding_model) AS embedding_model;

-- name: indexed
SELECT count(*) FROM search_matches(CAST(:everything AS jsonb));

-- name: psql
-- Whether a session of this login begins with our schema in its search_path: the setting of the
-- role in this database, else of the role, else of the database.
SELECT quote_ident(session_user) AS role, quote_ident(current_database()) AS database,
       current_setting('search_path') AS path,
       coalesce((
           SELECT :schema = ANY (string_to_array(replace(substr(c, 13), '"', ''), ', '))
           FROM pg_db_role_setting s
           LEFT JOIN pg_database d ON d.oid = s.setdatabase
           LEFT JOIN pg_roles r ON r.oid = s.setrole
           CROSS JOIN LATERAL unnest(s.setconfig) c
           WHERE c LIKE 'search\_path=%' AND (d.datname = current_database() OR s.setdatabase = 0)
             AND (r.rolname = session_user OR s.setrole = 0)
           ORDER BY s.setrole <> 0 DESC, s.setdatabase <> 0 DESC LIMIT 1
       ), :schema = 'public') AS found;
