-- name: own_limit
-- Alone, and first: what a role or a database has may be too short for the next.
SELECT set_config('statement_timeout', %(timeout)s, %(local)s);

-- name: be_patient
-- No query: what follows may still choose how the transaction is isolated.
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = 0;

-- name: be_patient_since_17
SET LOCAL transaction_timeout = 0;

-- name: settle_session
-- A session of ours is idle on purpose: it waits for the next request, or holds a lock meanwhile.
-- Just-in-time compilation takes longer than these statements run. Planning search() takes longer
-- than running it, so one plan serves all: on ParadeDB, too, where the number of candidates is
-- written into the statement (see palate/statements.py), for a plan for any LIMIT loses the top-n
-- scan. Planning every statement anew would also plan each foreign-key check, five times as long
-- as a load takes.
-- Names are Palate's own, then those of the vector extension, wherever it was put; temporary tables
-- come last, so that none stands before a table of ours.
-- How values and statements are written, and what a transaction sees, is PostgreSQL's default, whatever a
-- role or a database has been given.
-- `local`: until the transaction ends, behind a pooler, whose sessions are others' too.
SELECT set_config('statement_timeout', %(timeout)s, %(local)s),
       set_config('idle_session_timeout', '0', %(local)s),
       set_config('jit', 'off', %(local)s),
       set_config('plan_cache_mode', 'force_generic_plan', %(local)s),
       set_config('default_transaction_isolation', 'read committed', %(local)s),
       set_config('standard_conforming_strings', 'on', %(local)s),
       set_config('quote_all_identifiers', 'off', %(local)s),
       set_config('transform_null_equals', 'off', %(local)s),
       set_config('array_nulls', 'on', %(local)s),
       set_config('datestyle', 'ISO', %(local)s),
       set_config('intervalstyle', 'postgres', %(local)s),
       set_config('extra_float_digits', '1', %(local)s),
       set_config('bytea_output', 'hex', %(local)s),
       set_config('gin_fuzzy_search_limit', '0', %(local)s),
       set_config('search_path', (
           SELECT string_agg(quote_ident(s.name), ', ' ORDER BY s.place)
           FROM unnest(%(schemas)s::text[] || ARRAY[
               coalesce((SELECT n.nspname::text FROM pg_extension e
                         JOIN pg_namespace n ON n.oid = e.extnamespace
                         WHERE e.extname = 'vector'), 'public'),
               'pg_temp']) WITH ORDINALITY s (name, place)), %(local)s)

-- name: search_path
SELECT current_setting('search_path');
