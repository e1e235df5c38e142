-- name: fields
SELECT f.name, f.type, f.kind, f.boost, f.facet FROM own_fields f ORDER BY f.name;

-- name: filled
-- How many films say something in each.
SELECT k.name, count(*) AS films FROM movies m, jsonb_object_keys(m.own) k(name) GROUP BY k.name;

-- name: lock
-- Of two who change fields one waits, and a load reads them as they are.
SELECT pg_advisory_xact_lock(hashtextextended('palate.load', 0));

-- name: taken
-- Names that films have already; not what an engine keeps of a field of one's own.
SELECT EXISTS (
    SELECT FROM pg_attribute a
    WHERE a.attrelid = to_regclass('movies') AND a.attname = :name AND a.attnum > 0
      AND NOT a.attisdropped AND a.attgenerated = ''
);

-- name: add
INSERT INTO own_fields AS f (name, type, kind, boost, facet, code)
SELECT :name, :type, :kind, CAST(:boost AS real), :facet, c.code
FROM (
    SELECT chr(n) || ':' AS code FROM generate_series(65, 90) n
    EXCEPT SELECT code FROM own_fields WHERE name <> :name
) c
ORDER BY c.code LIMIT 1
ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, boost = excluded.boost, facet = excluded.facet;

-- name: retire
UPDATE own_fields SET kind = NULL, boost = NULL, facet = false WHERE name = :name;

-- name: remove
DELETE FROM own_fields WHERE name = :name;

-- name: empty
UPDATE movies SET own = own - :name WHERE own ? :name;

-- name: index
SELECT index_fields();
