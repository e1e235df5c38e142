-- name: recommend
-- What is known of the user, the weights, and all candidates in their order. What only a page shows is not
-- looked up of them all.
WITH context AS MATERIALIZED (
    SELECT * FROM search_context(CAST(:user_id AS bigint), :profile)
)
SELECT c.user_known, c.user_ratings, c.user_has_taste,
       h.rank, h.movie_id, h.title, h.score, h.bm25, h.content, h.collaborative, h.popularity, h.trending,
       h.vote, h.novelty, h.alike, h.bm25_contribution, h.content_contribution,
       h.collaborative_contribution, h.popularity_contribution, h.trending_contribution,
       h.vote_contribution, h.novelty_contribution, h.alike_contribution, h.unpersonalized_rank,
       h.personalized, array_to_string(h.sources, ' ') AS sources,
       -- Once, and written once.
       CASE WHEN coalesce(h.rank, 1) = 1 THEN (SELECT mixer_weights(CAST(:weights AS jsonb))) END AS mixed
FROM context c
LEFT JOIN recommend(
    for_user   => CAST(:user_id AS bigint),
    profile    => :profile,
    k          => NULL,
    candidates => :candidates,
    weights    => CAST(:weights AS jsonb),
    seen       => :seen,
    filter     => CAST(:filter AS jsonb),
    alike_to   => CAST(:alike_to AS bigint[]),
    query      => CAST(:query AS jsonb),
    exclude    => CAST(:exclude AS bigint[])) h ON true
ORDER BY h.rank;

-- name: state
-- What an answer to a person hangs on, but for what others do: the versions of the rows. An event, a
-- rating and their undoing write the person's row (make_taste()).
SELECT (SELECT concat(u.ctid, u.xmin) FROM users u
        WHERE u.user_id = CAST(:user_id AS bigint) AND u.profile = :profile) AS person,
       (SELECT string_agg(concat(m.id, m.ctid, m.xmin), ',' ORDER BY m.id) FROM models m
        WHERE m.state = 'active') AS models,
       (SELECT concat(b.ctid, b.xmin) FROM blend b) AS blend,
       (SELECT concat(x.ctid, x.xmin) FROM mixer x) AS mixer;

-- name: films
-- What a page shows of films.
SELECT m.movie_id, m.item_id, m.year, m.genres, m.director, m.overview, m.runtime_minutes, m.poster_url, n.avg_rating, n.rating_count,
       (SELECT r.rating FROM ratings r WHERE r.user_id = CAST(:user_id AS bigint) AND r.profile = :profile
                                         AND r.movie_id = m.movie_id) AS rating
FROM movies m CROSS JOIN LATERAL ratings_now(m.movie_id) n WHERE m.movie_id = ANY(CAST(:movie_ids AS bigint[]));

-- name: named
-- Films by the ids that a request names; whether there are such.
SELECT n.movie_id, EXISTS (SELECT FROM movies m WHERE m.movie_id = n.movie_id) AS there
FROM unnest(CAST(:ids AS text[])) WITH ORDINALITY i (id, place) CROSS JOIN LATERAL movie_named(i.id) n (movie_id)
ORDER BY i.place;

-- name: figures
-- What films are like together. The mean cosine of all pairs of unit vectors is what the length of their
-- sum says.
WITH page AS MATERIALIZED (
    SELECT m.genres, v.content, coalesce(m.rating_count, 0) AS ratings
    FROM movies m LEFT JOIN movie_vectors v USING (movie_id)
    WHERE m.movie_id = ANY(CAST(:movie_ids AS bigint[]))
), people AS (
    SELECT count(*) AS n FROM users WHERE rating_count > 0 AND NOT synthetic
)
SELECT (SELECT 1 - (vector_norm(sum(p.content)) ^ 2 - count(*)) / nullif(count(*) * (count(*) - 1), 0)
        FROM page p WHERE p.content IS NOT NULL) AS distance,
       (SELECT avg(-ln((1.0 + p.ratings) / (1 + n.n)) / ln(2.0))::double precision
        FROM page p CROSS JOIN people n) AS novelty,
       (SELECT count(DISTINCT g) FROM page p CROSS JOIN unnest(p.genres) g)::double precision
       / nullif((SELECT count(DISTINCT g) FROM movies m CROSS JOIN unnest(m.genres) g), 0) AS coverage;

-- name: ruled
-- What rules judge films by.
SELECT m.movie_id, m.genres, m.keywords, m.director, m.actors, m.target_audience, m.year, m.avg_rating,
       coalesce(m.rating_count, 0) AS rating_count
FROM movies m WHERE m.movie_id = ANY(CAST(:movie_ids AS bigint[]));

-- name: vectors
-- What films are alike by: their texts, and their factors of the active model.
SELECT i.movie_id, vector_send(v.content) AS content, vector_send(f.factors_out) AS factors
FROM unnest(CAST(:movie_ids AS bigint[])) WITH ORDINALITY i (movie_id, place)
LEFT JOIN movie_vectors v USING (movie_id)
LEFT JOIN (movie_factors f JOIN models a ON a.id = f.model_id AND a.kind = 'factors'
                                        AND a.state = 'active') USING (movie_id)
ORDER BY i.place;
