-- Each function is called with columns of `asked`, whose rows differ in one argument at a time.
-- name: asked
CREATE TEMP TABLE asked (
    number integer PRIMARY KEY, words text, query jsonb, loose jsonb, filter jsonb, prefix text,
    user_id bigint, profile text, k integer, n integer, weights jsonb, seen text, movie_id bigint);

-- name: ask
INSERT INTO asked VALUES (
    :number, :words, CAST(:query AS jsonb), CAST(:loose AS jsonb), CAST(:filter AS jsonb), :prefix,
    :user_id, :profile, :k, :n, CAST(:weights AS jsonb), :seen, :movie_id);

-- name: search_candidates
SELECT c.movie_id, c.relaxed::text AS detail
FROM search_candidates(t.query, t.n, t.loose, t.k, t.user_id, t.profile) c

-- name: search_matches
SELECT c.movie_id, NULL AS detail FROM search_matches(t.query) c

-- name: search
SELECT h.movie_id, round(h.score::numeric, 6)::text AS detail
FROM search(query => t.query, for_user => t.user_id, profile => t.profile, k => t.k,
            candidates => t.n, weights => t.weights, loose => t.loose, seen => t.seen) h

-- name: search_text
SELECT h.movie_id, round(h.score::numeric, 6)::text AS detail
FROM search(t.words, for_user => t.user_id, profile => t.profile, k => t.k, candidates => t.n,
            weights => t.weights, seen => t.seen) h

-- name: search_columns
SELECT f.movie_id, f.rank::text AS detail
FROM search_columns(query => t.query, for_user => t.user_id, profile => t.profile,
                    candidates => t.n, loose => t.loose, seen => t.seen) h
CROSS JOIN LATERAL unnest(h.movie_id, h.rank) AS f (movie_id, rank)

-- name: suggest_titles
SELECT s.movie_id, s.title AS detail FROM suggest_titles(t.prefix, t.k, t.user_id, t.profile) s

-- name: similar
SELECT s.movie_id, NULL AS detail FROM similar(t.movie_id, t.k, t.user_id, t.profile) s

-- name: recommend
SELECT r.movie_id, NULL AS detail
FROM recommend(for_user => t.user_id, profile => t.profile, k => t.k, filter => t.filter) r

-- name: alone
SELECT h.movie_id, h.detail
FROM (SELECT * FROM asked WHERE number = {number}) t CROSS JOIN LATERAL ({call}) h

-- name: lateral
SELECT t.number, h.movie_id, h.detail FROM asked t CROSS JOIN LATERAL ({call}) h

-- name: correlated
SELECT t.number, ARRAY(SELECT h.movie_id FROM ({call}) h) AS movie_ids FROM asked t ORDER BY t.number

-- name: prepare
PREPARE rescans (integer) AS
SELECT h.movie_id, h.detail
FROM (SELECT * FROM asked WHERE number = $1) t CROSS JOIN LATERAL ({call}) h

-- name: execute
EXECUTE rescans ({number})

-- name: deallocate
DEALLOCATE rescans

-- name: plan_mode
SELECT set_config('plan_cache_mode', :mode, false);

-- name: declare
DECLARE walk SCROLL CURSOR FOR
SELECT t.number, h.movie_id, h.detail FROM asked t CROSS JOIN LATERAL ({call}) h

-- name: fetch
FETCH ALL FROM walk

-- name: rewind
MOVE ABSOLUTE 0 FROM walk
