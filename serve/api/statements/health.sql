-- What the readiness probe asks.

-- name: probe_search
-- The smallest search there is: it fails where the functions or the search index are missing.
SELECT count(*) FROM search_candidates(parse_query('a'), 1);
