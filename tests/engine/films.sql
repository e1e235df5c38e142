-- name: add_film
INSERT INTO movies (movie_id, title, original_title, year, imdb_id, tmdb_id, genres, overview,
                    runtime_minutes, director, actors, keywords, avg_rating, rating_count,
                    sentiment, budget_tier, revenue_tier, target_audience, effectiveness)
VALUES (:movie_id, :title, :original_title, :year, :imdb_id, :tmdb_id, :genres, :overview,
        :runtime_minutes, :director, :actors, :keywords, :avg_rating, :rating_count,
        :sentiment, :budget_tier, :revenue_tier, :target_audience, :effectiveness);

-- name: stem
SELECT (ts_lexize('palate_stem', :word))[1];

-- name: candidates
SELECT movie_id, bm25 FROM search_candidates(CAST(:query AS jsonb), :n);

-- name: matches
SELECT movie_id FROM search_matches(CAST(:query AS jsonb)) ORDER BY movie_id;

-- name: parse
SELECT parse_query(:text) AS query, parse_query_loose(:text) AS loose;

-- name: relaxed
SELECT movie_id, relaxed
FROM search_candidates(CAST(:query AS jsonb), :n, CAST(:loose AS jsonb), :k, CAST(:unseen_by AS bigint));

-- name: suggest
SELECT * FROM suggest_titles(:prefix, :k);

-- name: at_psql
SELECT movie_id, score FROM search(CAST(:q AS text), for_user => :user);

-- name: add_unseen
INSERT INTO movies (movie_id, title) VALUES (999999001, 'Quixotryx') RETURNING movie_id;

-- name: rename
UPDATE movies SET title = :title WHERE movie_id = :id;

-- name: remove
DELETE FROM movies WHERE movie_id = :id;

-- name: feedback
SELECT FROM feedback;

-- name: plan
EXPLAIN (FORMAT TEXT, COSTS OFF) SELECT movie_id FROM search_candidates(CAST(:query AS jsonb), 100);

-- name: search_columns
-- As evaluation and training ask: query, fallback and user are columns of a table.
SELECT q.number, h.movie_id, h.bm25_score, h.relaxed
FROM unnest(CAST(:query AS jsonb[]), CAST(:loose AS jsonb[]), CAST(:user AS bigint[]))
     WITH ORDINALITY AS q (query, loose, user_id, number)
CROSS JOIN LATERAL search(
    query => q.query, for_user => q.user_id, k => 100, candidates => 100, loose => q.loose,
    seen => 'drop', relax_below => 10) h
ORDER BY q.number, h.rank;

-- name: order_columns
SELECT q.number, f.movie_id, f.bm25_score, f.relaxed
FROM unnest(CAST(:query AS jsonb[]), CAST(:loose AS jsonb[]), CAST(:user AS bigint[]))
     WITH ORDINALITY AS q (query, loose, user_id, number)
CROSS JOIN LATERAL search_columns(
    query => q.query, for_user => q.user_id, candidates => 100, loose => q.loose,
    seen => 'drop', relax_below => 10) h
CROSS JOIN LATERAL unnest(h.movie_id, h.bm25_score, h.relaxed, h.rank)
     AS f (movie_id, bm25_score, relaxed, rank)
ORDER BY q.number, f.rank;

-- name: search_alone
SELECT h.movie_id, h.bm25_score, h.relaxed
FROM search(query => CAST(:query AS jsonb), for_user => CAST(:user AS bigint), k => 100,
            candidates => 100, loose => CAST(:loose AS jsonb), seen => 'drop',
            relax_below => 10) h
ORDER BY h.rank;

-- name: recommended
SELECT r.movie_id, m.genres
FROM recommend(for_user => CAST(:user AS bigint), k => 20, filter => CAST(:filter AS jsonb)) r
JOIN movies m USING (movie_id);

-- name: rated
SELECT movie_id FROM ratings WHERE user_id = :user;

-- name: near_in_meaning
-- Nearest to a film's own vector, narrowed by a filter.
SELECT h.movie_id, m.genres
FROM movies t
CROSS JOIN LATERAL search(
    query => CAST(:query AS jsonb), k => 10, query_embedding => t.embedding,
    filter => CAST(:filter AS jsonb)) h
JOIN movies m ON m.movie_id = h.movie_id
WHERE t.movie_id = :movie_id;

-- name: vacuum
-- Scores count films that are gone until they are vacuumed: not in the middle of a test.
VACUUM ANALYZE movies;

-- name: lose
DELETE FROM movie_search;

-- name: titles
SELECT title FROM movies WHERE movie_id = ANY(:ids);

-- name: count
SELECT count(*) FROM movies;

-- name: touch
UPDATE movies SET overview = coalesce(left(overview, 200), '') || ' again' WHERE movie_id > 100;
