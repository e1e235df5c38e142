-- name: own
-- Those of the objects that Palate makes that are in a schema. Functions are told apart by the
-- types they take, so that a neighbour's function of the same name is none of them.
WITH listed AS (
    SELECT * FROM unnest(CAST(:kinds AS text[]), CAST(:names AS text[])) WITH ORDINALITY
        l (kind, name, place)
), home AS (
    SELECT n.oid, n.nspname FROM pg_namespace n WHERE n.nspname = :schema
)
SELECT c.tableoid AS catalog, c.oid, l.kind, format('%I.%I', h.nspname, c.relname) AS name,
       pg_get_userbyid(c.relowner) AS owner, l.place, false AS pinned
FROM home h JOIN listed l ON true
JOIN pg_class c ON c.relnamespace = h.oid AND c.relname = l.name
    AND l.kind = CASE c.relkind WHEN 'r' THEN 'TABLE' WHEN 'p' THEN 'TABLE' WHEN 'v' THEN 'VIEW'
                 WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE' WHEN 'c' THEN 'TYPE' END
UNION ALL
SELECT p.tableoid, p.oid, l.kind, format('%I.%I(%s)', h.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
       pg_get_userbyid(p.proowner), l.place,
       EXISTS (SELECT FROM unnest(p.proconfig) c WHERE c LIKE 'search_path=%')
FROM home h JOIN listed l ON l.kind = 'FUNCTION'
JOIN pg_proc p ON p.pronamespace = h.oid AND p.proname = split_part(l.name, '(', 1)
    AND l.name = format('%s(%s)', p.proname, (
        -- Without their schemas: a type may be looked at from outside its own.
        SELECT string_agg(regexp_replace(format_type(t.oid, NULL), '^\w+\.', ''), ', ' ORDER BY t.place)
        FROM unnest(p.proargtypes) WITH ORDINALITY t (oid, place)))
UNION ALL
SELECT d.tableoid, d.oid, l.kind, format('%I.%I', h.nspname, d.dictname), pg_get_userbyid(d.dictowner), l.place, false
FROM home h JOIN listed l ON l.kind = 'TEXT SEARCH DICTIONARY'
JOIN pg_ts_dict d ON d.dictnamespace = h.oid AND d.dictname = l.name
UNION ALL
SELECT f.tableoid, f.oid, l.kind, format('%I.%I', h.nspname, f.cfgname), pg_get_userbyid(f.cfgowner), l.place, false
FROM home h JOIN listed l ON l.kind = 'TEXT SEARCH CONFIGURATION'
JOIN pg_ts_config f ON f.cfgnamespace = h.oid AND f.cfgname = l.name
UNION ALL
SELECT t.tableoid, t.oid, l.kind, format('%I.%I', h.nspname, t.typname), pg_get_userbyid(t.typowner), l.place, false
FROM home h JOIN listed l ON l.kind = 'TYPE'
JOIN pg_type t ON t.typnamespace = h.oid AND t.typname = l.name AND t.typtype = 'e'
ORDER BY place;
