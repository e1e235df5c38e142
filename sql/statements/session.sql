-- name: settle_session
-- Just-in-time compilation takes longer than these statements run. Planning search() takes longer
-- than running it, so one plan serves all: on ParadeDB, too, where the number of candidates is
-- written into the statement (see palate/statements.py), for a plan for any LIMIT loses the top-n
-- scan. Planning every statement anew would also plan each foreign-key check, five times as long
-- as a load takes.
SELECT set_config('statement_timeout', %s, false),
       set_config('jit', 'off', false),
       set_config('plan_cache_mode', 'force_generic_plan', false)
