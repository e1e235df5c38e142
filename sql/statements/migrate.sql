-- name: ping
SELECT 1;

-- name: lock
SELECT pg_advisory_xact_lock(hashtext('palate'), hashtext('migrate'));

-- name: has_schema_version
-- In this schema: a scratch schema stands before the live one.
SELECT to_regclass(quote_ident(current_schema()) || '.schema_version') IS NOT NULL;

-- name: is_barred
-- Whether there is such a schema, which this role may not use.
SELECT EXISTS (SELECT FROM pg_namespace n
               WHERE n.nspname = :schema AND NOT has_schema_privilege(n.oid, 'USAGE'));

-- name: schema_version
SELECT version_num FROM schema_version;

-- name: wait_little
-- Who writes waits behind whoever waits for a lock.
SELECT set_config('lock_timeout', '50ms', true);

-- name: holders
-- Transactions that hold a table of this schema, the oldest first.
SELECT DISTINCT a.pid, coalesce(nullif(a.application_name, ''), a.usename) AS who,
       extract(epoch FROM clock_timestamp() - a.xact_start)::integer AS seconds
FROM pg_locks l
JOIN pg_class c ON c.oid = l.relation
JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = :schema
JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.granted AND a.pid <> pg_backend_pid()
ORDER BY seconds DESC LIMIT 3;

-- name: log_sequences
-- Under wal_level = minimal a sequence is logged as it is when the transaction that made it commits, and
-- the 32 numbers that it draws without logging count from before: after a crash it draws them again.
SELECT setval(format('%I.%I', schemaname, sequencename), last_value)
FROM pg_sequences WHERE schemaname = current_schema() AND last_value IS NOT NULL;

-- name: not_validated
-- Constraints of our tables that were made NOT VALID, so that a migration need not read large tables
-- while it locks them.
SELECT c.conname AS name,
       format('ALTER TABLE %I.%I VALIDATE CONSTRAINT %I', n.nspname, r.relname, c.conname) AS statement
FROM pg_constraint c
JOIN pg_class r ON r.oid = c.conrelid
JOIN pg_namespace n ON n.oid = r.relnamespace
WHERE n.nspname = :schema AND r.relname = ANY (CAST(:tables AS text[])) AND NOT c.convalidated
ORDER BY r.relname, c.conname;

-- name: search_path
SELECT current_setting('search_path');

-- name: repeatable_checksums
SELECT name, checksum FROM repeatable_migrations;

-- name: save_repeatable_checksum
INSERT INTO repeatable_migrations (name, checksum) VALUES (:name, :checksum)
ON CONFLICT (name) DO UPDATE SET checksum = excluded.checksum, applied_at = now();

-- name: bound_to
-- Those of the functions `own` whose bodies PostgreSQL keeps bound (BEGIN ATOMIC) to one of `made`: how each
-- is made, and how with a body that does nothing but fail.
SELECT DISTINCT p.proname AS name, f.definition, 'SET LOCAL check_function_bodies = off; '
    || split_part(f.definition, E'\nBEGIN ATOMIC', 1) || ' AS $$$$; SET LOCAL check_function_bodies = on' AS without_body
FROM pg_proc m
JOIN pg_depend d ON d.refclassid = 'pg_proc'::regclass AND d.refobjid = m.oid AND d.classid = 'pg_proc'::regclass
JOIN pg_proc p ON p.oid = d.objid AND p.prosqlbody IS NOT NULL
CROSS JOIN LATERAL pg_get_functiondef(p.oid) f (definition)
WHERE m.pronamespace = current_schema()::regnamespace AND m.proname = ANY (CAST(:made AS text[]))
  AND p.pronamespace = m.pronamespace AND p.proname = ANY (CAST(:own AS text[]))
  AND f.definition LIKE E'%\nBEGIN ATOMIC%';
