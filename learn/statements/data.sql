-- name: ratings
-- People's ratings; those of synthetic users teach and measure nothing.
COPY (
    SELECT r.user_id, r.movie_id, r.rating, extract(epoch FROM r.rated_at)::double precision AS rated_at
    FROM ratings r JOIN users u USING (user_id, profile)
    WHERE r.profile = 'main' AND NOT u.synthetic
) TO STDOUT (FORMAT csv);

-- name: films
SELECT movie_id, title, year, genres FROM movies ORDER BY movie_id;

-- name: candidates
-- The candidates of many queries at once, as the service has them: a row of columns each.
SELECT q.number, h.*
FROM unnest(CAST(:numbers AS bigint[]), CAST(:user_ids AS bigint[]),
            CAST(:queries AS jsonb[]), CAST(:looses AS jsonb[]), CAST(:typed AS text[]))
     AS q (number, user_id, query, loose, typed)
CROSS JOIN LATERAL search_columns(
    query       => q.query,
    for_user    => q.user_id,
    candidates  => :candidates,
    loose       => q.loose,
    seen        => 'drop',
    relax_below => :k,
    typed       => q.typed) h;

-- name: latest_ratings
SELECT u.user_id, r.*
FROM unnest(CAST(:user_ids AS bigint[])) u (user_id) CROSS JOIN LATERAL latest_ratings(u.user_id) r;

-- name: live_relations_read
-- A transaction keeps a lock on every table it read. Schemas of Palate's behind the first one in
-- the search_path are live: one, or two when a scratch database is itself held out from.
SELECT DISTINCT c.relname
FROM pg_locks l
JOIN pg_class c ON c.oid = l.relation
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE l.pid = pg_backend_pid() AND c.relkind IN ('r', 'p', 'm')
  AND n.nspname = ANY ((current_schemas(false))[2:])
  AND EXISTS (SELECT FROM pg_class r WHERE r.relnamespace = n.oid AND r.relname = 'ratings')
ORDER BY 1;

-- name: film_statistics
SELECT m.movie_id, m.rating_count, coalesce(m.avg_rating, 0), s.rating_count,
       coalesce(s.avg_rating, 0), s.popularity
FROM movies m JOIN movie_stats s USING (movie_id)
ORDER BY m.movie_id;

-- name: user_statistics
SELECT user_id, rating_count FROM users WHERE rating_count > 0 AND NOT synthetic ORDER BY user_id;

-- name: copy_users
INSERT INTO users (user_id, synthetic)
SELECT u + :shift, true FROM unnest(CAST(:user_ids AS bigint[])) u
ON CONFLICT DO NOTHING;

-- name: copy_ratings
INSERT INTO ratings (user_id, movie_id, rating, rated_at)
SELECT r.user_id + :shift, r.movie_id, r.rating, r.rated_at
FROM (SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY rated_at DESC, movie_id DESC) AS nth
      FROM ratings WHERE user_id = ANY (CAST(:user_ids AS bigint[])) AND profile = 'main') r
WHERE r.nth <= :known
ON CONFLICT DO NOTHING;

-- name: weights
SELECT bm25, content, collaborative, popularity FROM blend;

-- name: source
SELECT name FROM sources;

-- name: count_movies
SELECT count(*) FROM movies;

-- name: movies
-- Traits are what enrichment knew without looking at ratings; effectiveness looks at them.
SELECT movie_id, year, genres, array_remove(ARRAY[
           'tone ' || sentiment, 'audience ' || target_audience,
           'budget ' || budget_tier, 'revenue ' || revenue_tier], NULL) AS traits
FROM movies ORDER BY movie_id;

-- name: dimension
SELECT dimension FROM embedding_model;

-- name: vectors
SELECT m.movie_id, (m.embedding - e.mean)::text
FROM movies m CROSS JOIN embedding_model e
WHERE m.embedding IS NOT NULL;

-- name: mixer
SELECT mixer_weights();

-- name: mixed
-- What somebody is recommended, with the parts that are weighed.
SELECT h.movie_id, h.content, h.collaborative, h.popularity, h.vote, h.novelty
FROM recommend(for_user => :user_id, k => NULL) h
ORDER BY h.rank;

-- name: use_mixer
UPDATE mixer m SET content = w.content, collaborative = w.collaborative, popularity = w.popularity,
                   vote = w.vote, novelty = w.novelty
FROM jsonb_to_record(CAST(:weights AS jsonb)) w (
    content double precision, collaborative double precision, popularity double precision,
    vote double precision, novelty double precision);

-- name: refresh_neighbours
SELECT refresh_neighbours();
