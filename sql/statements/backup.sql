-- name: snapshot
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;

-- name: server_version
SELECT current_setting('server_version_num')::integer / 10000;

-- name: has_data
SELECT EXISTS (SELECT FROM movies) OR EXISTS (SELECT FROM ratings)
    OR EXISTS (SELECT FROM users) OR EXISTS (SELECT FROM tags);

-- name: make_extensions
CREATE EXTENSION IF NOT EXISTS vector SCHEMA public;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_search') THEN
        CREATE EXTENSION IF NOT EXISTS pg_search;
    END IF;
END $$;

-- name: export
COPY (SELECT * FROM {table}) TO STDOUT (FORMAT csv, HEADER);

-- name: lock_loads
SELECT pg_advisory_xact_lock(hashtextextended('palate.load', 0));

-- name: empty
TRUNCATE movies, ratings, tags, users, sources, embedding_model, profile_settings, blend,
         models, movie_factors, user_factors, llm_answers, llm_calls;

-- name: without_profile_triggers
-- Profiles come from the file as they were; counting the ratings again would double them.
ALTER TABLE ratings DISABLE TRIGGER USER;
ALTER TABLE users DISABLE TRIGGER USER;

-- name: with_profile_triggers
ALTER TABLE ratings ENABLE TRIGGER USER;
ALTER TABLE users ENABLE TRIGGER USER;
SELECT setval(pg_get_serial_sequence('models', 'id'), max(id)) FROM models;
SELECT setval(pg_get_serial_sequence('llm_calls', 'id'), max(id)) FROM llm_calls;

-- name: import
COPY {table} FROM STDIN (FORMAT csv, HEADER match);

-- name: refresh_stats
SELECT refresh_stats();

-- name: analyze
ANALYZE;
