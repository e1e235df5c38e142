-- name: spoil
-- What another application may leave behind in a session.
SET search_path = shop;
SET plan_cache_mode = force_custom_plan;
SET statement_timeout = '1h';

-- name: parameters
SELECT CAST(:n AS integer), count(*) FROM pg_class;

-- name: counted
SELECT count(*) FROM users WHERE user_id BETWEEN 900 AND 1100 AND rating_count = 1;
