-- name: as_on_paradedb
-- What the `paradedb` engine leaves in the other's place, as far as plain PostgreSQL can play it.
CREATE FUNCTION best_matches(query jsonb, n integer, unseen_by bigint, profile text)
RETURNS TABLE (movie_id bigint, bm25 real) LANGUAGE sql STABLE AS
$$ SELECT m.movie_id, 1::real FROM movies m $$;
CREATE OR REPLACE FUNCTION search_candidates(
    query jsonb, n integer DEFAULT 100, loose jsonb DEFAULT NULL, k integer DEFAULT 10,
    unseen_by bigint DEFAULT NULL, profile text DEFAULT 'main'
) RETURNS TABLE (movie_id bigint, bm25 double precision, relaxed boolean) LANGUAGE sql STABLE BEGIN ATOMIC
SELECT b.movie_id, b.bm25::double precision, false FROM best_matches(query, n, unseen_by, profile) b;
END;
