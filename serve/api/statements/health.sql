-- What the readiness probe asks.

-- name: probe_search
-- The smallest search there is: it fails where the functions or the search index are missing. Of a word
-- that hardly a film has, and parsed once: written into the call, the parsing would be done for each film.
WITH parsed AS MATERIALIZED (
    SELECT parse_query('readiness') AS query
)
SELECT count(*) FROM parsed p CROSS JOIN LATERAL search_candidates(p.query, 1);
