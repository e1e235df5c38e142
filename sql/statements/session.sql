-- name: settle_session
-- Just-in-time compilation takes longer than these statements run. Planning search() on our own
-- index takes longer than running it, so one plan serves all; on ParadeDB a plan for any LIMIT
-- loses the top-n scan, so each call is planned.
-- Names are Palate's own, then those of the vector extension, wherever it was put; temporary tables
-- come last, so that none stands before a table of ours.
SELECT set_config('statement_timeout', %(timeout)s, false),
       set_config('jit', 'off', false),
       set_config('plan_cache_mode',
                  CASE WHEN EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_search')
                       THEN 'force_custom_plan' ELSE 'force_generic_plan' END, false),
       set_config('search_path', (
           SELECT string_agg(quote_ident(s.name), ', ' ORDER BY s.place)
           FROM unnest(%(schemas)s::text[] || ARRAY[
               coalesce((SELECT n.nspname::text FROM pg_extension e
                         JOIN pg_namespace n ON n.oid = e.extnamespace
                         WHERE e.extname = 'vector'), 'public'),
               'pg_temp']) WITH ORDINALITY s (name, place)), false)
