-- name: ping
SELECT 1;

-- name: lock
SELECT pg_advisory_xact_lock(hashtext('palate'), hashtext('migrate'));

-- name: has_schema_version
-- In this schema: a scratch schema stands before the live one.
SELECT to_regclass(quote_ident(current_schema()) || '.schema_version') IS NOT NULL;

-- name: schema_version
SELECT version_num FROM schema_version;

-- name: repeatable_checksums
SELECT name, checksum FROM repeatable_migrations;

-- name: save_repeatable_checksum
INSERT INTO repeatable_migrations (name, checksum) VALUES (:name, :checksum)
ON CONFLICT (name) DO UPDATE SET checksum = excluded.checksum, applied_at = now();

-- name: make_roles
SELECT make_roles();

-- name: make_comments
SELECT make_comments();
