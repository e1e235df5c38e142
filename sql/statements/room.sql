-- name: missing
-- pgvector goes where everybody finds it; in a database without `public`, beside our own tables.
-- It comes before pg_search, which needs it there.
WITH lacking AS (
    SELECT a.name FROM pg_available_extensions a
    WHERE a.installed_version IS NULL
      AND (a.name = 'vector' OR a.name = 'pg_search' AND :engine = 'paradedb')
)
SELECT s.statement
FROM (
    -- Whoever makes it, it is this role that migrates.
    SELECT 1 AS place, format('CREATE SCHEMA %I AUTHORIZATION %I;', CAST(:schema AS text), current_user)
           AS statement
    WHERE to_regnamespace(quote_ident(:schema)) IS NULL
    UNION ALL
    SELECT 2, format('CREATE EXTENSION vector SCHEMA %I;', CASE
        WHEN to_regnamespace('public') IS NULL THEN CAST(:schema AS text) ELSE 'public' END)
    FROM lacking l WHERE l.name = 'vector'
    UNION ALL
    SELECT 3, 'CREATE EXTENSION pg_search;' FROM lacking l WHERE l.name = 'pg_search'
    UNION ALL
    SELECT 4, format('GRANT USAGE ON SCHEMA %I TO %I;', n.nspname, current_user)
    FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
    WHERE e.extname = 'vector' AND NOT has_schema_privilege(n.oid, 'USAGE')
) s
ORDER BY s.place;

-- name: installed_in
-- The first of these schemas that Palate's tables are in.
SELECT s.name
FROM unnest(CAST(:schemas AS text[])) WITH ORDINALITY s (name, place)
WHERE NOT EXISTS (
    SELECT FROM unnest('{schema_version,repeatable_migrations,movies,ratings,blend}'::text[]) t
    WHERE to_regclass(format('%I.%I', s.name, t)) IS NULL)
ORDER BY s.place LIMIT 1;

-- name: make_comments
SELECT make_comments(CAST(:own AS oid[]));

-- name: make_roles
SELECT make_roles(CAST(:objects AS text[]), CAST(:strangers AS text[]), CAST(:embedded AS boolean));

-- name: additions
-- What others have put on our objects, each as the statement that makes it again, in the order to run
-- them. `late`: it takes long, or needs a name that is free only once the former object is dropped.
-- `by_version`: ours, too, which differ from version to version.
WITH own AS (
    SELECT * FROM unnest(CAST(:catalogs AS oid[]), CAST(:own AS oid[])) o (class, oid)
), relations AS (
    SELECT c.*, format('%I.%I', n.nspname, c.relname) AS name,
           CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
                          ELSE 'TABLE' END AS kind
    FROM own o JOIN pg_class c ON o.class = 'pg_class'::regclass AND c.oid = o.oid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'v', 'm', 'S')
), functions AS (
    SELECT p.proowner AS owner, p.proacl AS acl, p.procost AS cost, nullif(p.prorows, 0) AS rows, format(
        '%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) AS name
    FROM own o JOIN pg_proc p ON o.class = 'pg_proc'::regclass AND p.oid = o.oid
    JOIN pg_namespace n ON n.oid = p.pronamespace
), granted AS (
    SELECT format('%s %s', CASE r.kind WHEN 'SEQUENCE' THEN r.kind ELSE 'TABLE' END, r.name) AS what,
           string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type) AS privileges, a.grantee, a.is_grantable
    FROM relations r CROSS JOIN aclexplode(r.relacl) a
    WHERE a.grantee <> r.relowner GROUP BY r.kind, r.name, a.grantee, a.is_grantable
    UNION ALL
    SELECT 'TABLE ' || r.name,
           format('%s (%s)', a.privilege_type, string_agg(quote_ident(c.attname), ', ' ORDER BY c.attname)),
           a.grantee, a.is_grantable
    FROM relations r JOIN pg_attribute c ON c.attrelid = r.oid AND NOT c.attisdropped
    CROSS JOIN aclexplode(c.attacl) a
    WHERE a.grantee <> r.relowner GROUP BY r.name, a.grantee, a.is_grantable, a.privilege_type
    UNION ALL
    SELECT 'FUNCTION ' || f.name, 'EXECUTE', a.grantee, a.is_grantable
    FROM functions f CROSS JOIN aclexplode(f.acl) a
    WHERE a.grantee NOT IN (0, f.owner)
)
SELECT s.statement, s.late, s.by_version
FROM (
    SELECT 1 AS place, format('GRANT %s ON %s TO %s%s', g.privileges, g.what,
               CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END,
               CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) AS statement,
           false AS late, false AS by_version
    FROM granted g
    UNION ALL
    SELECT 1, format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f.name), false, false
    FROM functions f
    WHERE f.acl IS NOT NULL AND NOT EXISTS (SELECT FROM aclexplode(f.acl) a WHERE a.grantee = 0)
    UNION ALL
    SELECT 2, format('CREATE POLICY %I ON %s AS %s FOR %s TO %s', p.policyname, r.name, p.permissive, p.cmd,
               (SELECT string_agg(CASE o WHEN 'public' THEN 'PUBLIC' ELSE quote_ident(o) END, ', ')
                FROM unnest(p.roles) o))
               || coalesce(' USING (' || p.qual || ')', '')
               || coalesce(' WITH CHECK (' || p.with_check || ')', ''), false, false
    FROM relations r JOIN pg_policies p ON format('%I.%I', p.schemaname, p.tablename) = r.name
    UNION ALL
    SELECT 3, format('ALTER TABLE %s %s ROW LEVEL SECURITY', r.name, w.word), false, false
    FROM relations r CROSS JOIN (VALUES ('ENABLE'), ('FORCE')) w (word)
    WHERE CASE w.word WHEN 'FORCE' THEN r.relforcerowsecurity ELSE r.relrowsecurity END
    UNION ALL
    SELECT 4, format('ALTER TABLE %s REPLICA IDENTITY %s', r.name,
                     CASE r.relreplident WHEN 'f' THEN 'FULL' ELSE 'NOTHING' END), false, false
    FROM relations r WHERE r.kind = 'TABLE' AND r.relreplident IN ('f', 'n')
    UNION ALL
    SELECT 5, format('ALTER PUBLICATION %I ADD TABLE %s', p.pubname, r.name)
               || coalesce(' (' || (
                      SELECT string_agg(quote_ident(c.attname), ', ' ORDER BY c.attnum) FROM pg_attribute c
                      WHERE c.attrelid = r.oid AND c.attnum = ANY (t.prattrs::smallint[])) || ')', '')
               || coalesce(' WHERE (' || pg_get_expr(t.prqual, r.oid) || ')', ''), false, false
    FROM relations r JOIN pg_publication_rel t ON t.prrelid = r.oid JOIN pg_publication p ON p.oid = t.prpubid
    UNION ALL
    SELECT 6, format('ALTER %s %s SET (%s)', r.kind, r.name, array_to_string(r.reloptions, ', ')), false, true
    FROM relations r WHERE r.reloptions IS NOT NULL
    UNION ALL
    SELECT 6, format('ALTER %s %s SET (toast.%s)', r.kind, r.name, array_to_string(c.reloptions, ', toast.')), false, true
    FROM relations r JOIN pg_class c ON c.oid = r.reltoastrelid WHERE c.reloptions IS NOT NULL
    UNION ALL
    SELECT 6, format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS %s', r.name, c.attname, c.attstattarget), false, false
    FROM relations r JOIN pg_attribute c ON c.attrelid = r.oid AND NOT c.attisdropped AND c.attstattarget >= 0
    WHERE r.kind <> 'SEQUENCE' AND c.attnum > 0
    UNION ALL
    SELECT 6, format('ALTER TABLE %s ALTER COLUMN %I SET (%s)', r.name, c.attname, array_to_string(c.attoptions, ', ')),
           false, false
    FROM relations r JOIN pg_attribute c ON c.attrelid = r.oid AND NOT c.attisdropped AND c.attoptions IS NOT NULL
    UNION ALL
    SELECT 6, format('ALTER FUNCTION %s COST %s', f.name, f.cost) || coalesce(' ROWS ' || f.rows, ''), false, true
    FROM functions f
    UNION ALL
    SELECT 7, pg_get_triggerdef(t.oid), false, true
    FROM relations r JOIN pg_trigger t ON t.tgrelid = r.oid AND NOT t.tgisinternal
    UNION ALL
    SELECT 7, rtrim(pg_get_ruledef(w.oid), ';'), false, true
    FROM relations r JOIN pg_rewrite w ON w.ev_class = r.oid AND w.rulename <> '_RETURN'
    UNION ALL
    SELECT 8, format('ALTER TABLE %s %s TRIGGER %I', r.name, CASE t.tgenabled
               WHEN 'D' THEN 'DISABLE' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE REPLICA' END, t.tgname), false, true
    FROM relations r JOIN pg_trigger t ON t.tgrelid = r.oid AND NOT t.tgisinternal AND t.tgenabled <> 'O'
    UNION ALL
    SELECT 9, format('ALTER TABLE %s ADD CONSTRAINT %I %s', r.name, k.conname, pg_get_constraintdef(k.oid)),
           true, true
    FROM relations r JOIN pg_constraint k ON k.conrelid = r.oid AND k.contype IN ('c', 'f', 'u', 'x')
    UNION ALL
    SELECT 9, pg_get_statisticsobjdef(s.oid), true, true
    FROM relations r JOIN pg_statistic_ext s ON s.stxrelid = r.oid
    UNION ALL
    -- Those of vectors and of ParadeDB come and go with what is indexed.
    SELECT 9, pg_get_indexdef(i.indexrelid), true, true
    FROM relations r JOIN pg_index i ON i.indrelid = r.oid JOIN pg_class c ON c.oid = i.indexrelid
    WHERE c.relname !~ '^(movie_vectors_content|movie_directions_direction|movies_search)'
      AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)
    UNION ALL
    SELECT 10, format('ALTER TABLE %s REPLICA IDENTITY USING INDEX %I', r.name, c.relname), true, false
    FROM relations r JOIN pg_index i ON i.indrelid = r.oid AND i.indisreplident JOIN pg_class c ON c.oid = i.indexrelid
) s
ORDER BY s.place, s.statement;

-- name: columns
-- What our tables have, but for columns that an engine makes of others.
SELECT format('%I.%I.%I', n.nspname, c.relname, a.attname)
FROM unnest(CAST(:catalogs AS oid[]), CAST(:own AS oid[])) o (class, oid)
JOIN pg_class c ON o.class = 'pg_class'::regclass AND c.oid = o.oid AND c.relkind = 'r'
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '';

-- name: lacking
-- What only an administrator can do for people: let roles use the schema that `vector` is in, and have
-- members of palate_read, to whom the settings of that role do not go, find search() by its name. Before
-- that, make the roles: nothing is granted to two of the three.
WITH RECURSIVE members AS (
    SELECT r.oid FROM pg_roles r WHERE r.rolname = 'palate_read'
    UNION
    SELECT a.member FROM members m JOIN pg_auth_members a ON a.roleid = m.oid
)
SELECT 'CREATE ROLE ' || string_agg(w.name, '; CREATE ROLE ') || '; then `palate db migrate` again' AS statement
FROM unnest('{palate_owner,palate_app,palate_read}'::text[]) w (name)
WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = w.name) HAVING count(*) > 0
UNION ALL
SELECT format('GRANT USAGE ON SCHEMA %I TO %s;', n.nspname,
              string_agg(quote_ident(r.rolname), ', ' ORDER BY r.rolname))
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
JOIN pg_roles r ON r.rolname IN ('palate_owner', 'palate_app', 'palate_read')
    AND NOT has_schema_privilege(r.oid, n.oid, 'USAGE')
WHERE e.extname = 'vector' GROUP BY n.nspname
UNION ALL
SELECT format('ALTER ROLE %I IN DATABASE %I SET search_path = %s;', r.rolname, current_database(),
              current_setting('search_path'))
FROM members m JOIN pg_roles r ON r.oid = m.oid
WHERE r.rolcanlogin AND has_database_privilege(r.oid, current_database(), 'CONNECT') AND NOT coalesce((
    SELECT :schema = ANY (string_to_array(replace(substr(c, 13), '"', ''), ', '))
    FROM pg_db_role_setting s LEFT JOIN pg_database d ON d.oid = s.setdatabase
    CROSS JOIN LATERAL unnest(s.setconfig) c
    WHERE c LIKE 'search\_path=%' AND (d.datname = current_database() OR s.setdatabase = 0)
      AND s.setrole IN (r.oid, 0)
    ORDER BY s.setrole <> 0 DESC, s.setdatabase <> 0 DESC LIMIT 1
), :schema = 'public')
ORDER BY 1 DESC;
