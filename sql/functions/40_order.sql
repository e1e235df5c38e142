-- What a learned order is told: the candidates of a search as one row of columns, and the ratings that
-- a person gave last. rerank/features.py makes features of both.

DO $$
DECLARE f regprocedure;
BEGIN
    FOR f IN SELECT p.oid FROM pg_proc p
             WHERE p.proname IN ('search_columns', 'latest_ratings')
               AND p.pronamespace = current_schema()::regnamespace
               AND 'for_user' = ANY (p.proargnames)  -- a neighbour's has other arguments
    LOOP EXECUTE format('DROP FUNCTION %s', f); END LOOP;
END $$;

-- What search() says of every candidate, in its order, and what the catalog says of each.
CREATE FUNCTION search_columns(
    query       jsonb,
    for_user    bigint,
    profile     text    DEFAULT 'main',
    candidates  integer DEFAULT 100,
    loose       jsonb   DEFAULT NULL,
    seen        text    DEFAULT 'keep',
    relax_below integer DEFAULT 10,
    typed       text    DEFAULT NULL,
    filter      jsonb   DEFAULT NULL
) RETURNS TABLE (
    rank                       bigint[],
    movie_id                   bigint[],
    title                      text[],
    year                       integer[],
    score                      double precision[],
    bm25                       double precision[],
    semantic                   double precision[],
    content                    double precision[],
    collaborative              double precision[],
    popularity                 double precision[],
    bm25_contribution          double precision[],
    semantic_contribution      double precision[],
    content_contribution       double precision[],
    collaborative_contribution double precision[],
    popularity_contribution    double precision[],
    bm25_score                 double precision[],
    unpersonalized_rank        bigint[],
    moved                      bigint[],
    rating                     real[],
    personalized               boolean[],
    relaxed                    boolean[],
    level                      text[],
    pinned                     boolean[],
    genres                     text[],             -- of each film, joined by |
    rating_count               bigint[],
    mean_rating                double precision[]
) LANGUAGE sql STABLE BEGIN ATOMIC
SELECT array_agg(h.rank), array_agg(h.movie_id), array_agg(h.film_title), array_agg(h.film_year),
       array_agg(h.score), array_agg(h.bm25), array_agg(h.semantic), array_agg(h.content),
       array_agg(h.collaborative), array_agg(h.popularity), array_agg(h.bm25_contribution),
       array_agg(h.semantic_contribution), array_agg(h.content_contribution),
       array_agg(h.collaborative_contribution), array_agg(h.popularity_contribution),
       array_agg(h.bm25_score), array_agg(h.unpersonalized_rank), array_agg(h.moved),
       array_agg(h.rating), array_agg(h.personalized), array_agg(h.relaxed),
       array_agg(h.level::text), array_agg(h.pinned), array_agg(h.genres),
       array_agg(h.rating_count::bigint), array_agg(h.avg_rating::double precision)
FROM (
    SELECT s.*, f.*
    FROM search(query, for_user, search_columns.profile, candidates, candidates, NULL, loose, seen,
                NULL, filter, relax_below, typed) s
    CROSS JOIN LATERAL (
        -- A film at a time by its key, whatever the planner thinks of how many there are.
        SELECT m.title AS film_title, m.year AS film_year, array_to_string(m.genres, '|') AS genres,
               c.rating_count, c.avg_rating
        FROM movies m JOIN movie_stats c USING (movie_id)
        WHERE m.movie_id = s.movie_id LIMIT 1
    ) f
    ORDER BY s.rank
) h
HAVING count(*) > 0;
END;

-- What a person's last two hundred ratings and events say, the latest first, each with its film's year
-- and genres; the person's middle, how many there are, and the active factors. No row without any.
CREATE FUNCTION latest_ratings(for_user bigint, profile text DEFAULT 'main') RETURNS TABLE (
    rated      bigint[],
    stars      real[],              -- NULL where only events tell
    told       double precision[],  -- weights of events; NULL where the stars tell
    times      double precision[],  -- seconds since 1970
    years      integer[],           -- of the films
    rated_genres text[],            -- of each film, joined by |
    middle     real,
    ratings    bigint,
    factors_id bigint,
    parameters jsonb
) LANGUAGE sql STABLE BEGIN ATOMIC
SELECT r.*, a.id, a.parameters
FROM (
    SELECT array_agg(l.movie_id), array_agg(l.rating), array_agg(l.weight),
           array_agg(extract(epoch FROM l.rated_at)::double precision), array_agg(l.year), array_agg(l.genres), max(l.middle), max(l.ratings)
    FROM (
        SELECT v.*, m.year, array_to_string(m.genres, '|') AS genres
        FROM (SELECT * FROM ratings_of(for_user, latest_ratings.profile) t
              ORDER BY t.later, t.movie_id DESC LIMIT 200) v
        CROSS JOIN LATERAL (SELECT f.year, f.genres FROM movies f
                            WHERE f.movie_id = v.movie_id LIMIT 1) m
        ORDER BY v.later, v.movie_id DESC
    ) l
    HAVING count(*) > 0
) r
LEFT JOIN models a ON a.kind = 'factors' AND a.state = 'active';
END;
