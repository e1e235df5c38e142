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

-- name: plan
EXPLAIN (FORMAT TEXT, COSTS OFF) SELECT movie_id FROM search_candidates(CAST(:query AS jsonb), 100);
