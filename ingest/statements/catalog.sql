-- Films written one by one or many at a time, and ratings of many users.

-- name: write_movies
SELECT * FROM write_movies(CAST(:films AS jsonb));

-- name: delete_movie
SELECT movie_named(:id) AS movie_id, d.* FROM delete_movie(movie_named(:id), :keep) d;

-- name: lock_movie
SELECT movie_id, title, original_title, year, imdb_id, tmdb_id, genres, overview, runtime_minutes,
       release_date::text AS release_date, director, actors, keywords, budget, revenue, poster_url,
       own
FROM movies WHERE movie_id = movie_named(:id) FOR UPDATE;

-- name: write_ratings
SELECT * FROM write_ratings(CAST(:ratings AS jsonb));

-- name: name_users
SELECT n.name, name_user(n.name) AS user_id FROM unnest(CAST(:names AS text[])) n(name) ORDER BY n.name;

-- name: embedding_model
SELECT name FROM embedding_model;

-- name: film_texts
SELECT movie_id, title, year, genres, director, keywords, overview
FROM movies WHERE movie_id = ANY (:movie_ids) ORDER BY movie_id;

-- name: write_vectors
UPDATE movies m SET embedding = CAST(v.embedding AS vector)
FROM unnest(CAST(:movie_ids AS bigint[]), CAST(:embeddings AS text[])) v(movie_id, embedding)
WHERE m.movie_id = v.movie_id AND EXISTS (SELECT FROM embedding_model e WHERE e.name = :model);

-- name: start_job
-- An id may be used again once its job is over. What nobody has looked at for a week goes.
WITH old AS (DELETE FROM bulk_jobs WHERE updated_at < now() - interval '7 days' AND job_id <> :job_id)
INSERT INTO bulk_jobs AS j (job_id, kind) VALUES (:job_id, :kind)
ON CONFLICT (job_id) DO UPDATE SET kind = excluded.kind, state = 'running', lines = 0, outcomes = '{}',
    refused_lines = '[]', started_at = clock_timestamp(), updated_at = clock_timestamp()
WHERE j.state <> 'running' OR j.updated_at < now() - interval '1 minute'
RETURNING job_id;

-- name: note_job
UPDATE bulk_jobs SET state = :state, lines = :lines, outcomes = CAST(:outcomes AS jsonb),
    refused_lines = CAST(:refused_lines AS jsonb), updated_at = clock_timestamp()
WHERE job_id = :job_id;

-- name: job
SELECT job_id, kind,
       CASE WHEN state = 'running' AND updated_at < now() - interval '1 minute' THEN 'stopped'
            ELSE state END AS state, lines, outcomes, refused_lines,
       extract(epoch FROM updated_at - started_at)::double precision AS seconds
FROM bulk_jobs WHERE job_id = :job_id;
