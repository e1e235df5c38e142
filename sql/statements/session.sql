-- name: settle_session
-- Just-in-time compilation takes longer than these statements run. Planning search() on our own
-- index takes longer than running it, so one plan serves all; on ParadeDB a plan for any LIMIT
-- loses the top-n scan, so each call is planned.
SELECT set_config('statement_timeout', %s, false),
       set_config('jit', 'off', false),
       set_config('plan_cache_mode',
                  CASE WHEN EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_search')
                       THEN 'force_custom_plan' ELSE 'force_generic_plan' END, false)
