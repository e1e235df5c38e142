-- What is computed from films' means was off by their rounding: what the crowd gives the films that a
-- user rated by .004. movies.avg_rating, which is searched and shown, stays rounded.
-- Made beside the former one: what reads that waits for the change of names alone.
CREATE MATERIALIZED VIEW movie_stats_exact AS
WITH counted AS (
    SELECT r.movie_id, r.rating, r.rated_at, max(r.rated_at) OVER () AS newest
    FROM ratings r JOIN users u USING (user_id, profile)
    WHERE NOT u.synthetic
)
SELECT m.movie_id,
       count(c.rating)::integer AS rating_count,
       avg(c.rating)::double precision AS avg_rating,
       ln(1 + coalesce(sum(power(0.5,
           extract(epoch FROM c.newest - c.rated_at)::double precision / 63115200)), 0)) AS popularity
FROM movies m
LEFT JOIN counted c USING (movie_id)
GROUP BY m.movie_id;
CREATE UNIQUE INDEX movie_stats_exact_movie_id ON movie_stats_exact (movie_id);
CREATE INDEX movie_stats_exact_popularity ON movie_stats_exact (popularity DESC, movie_id);
-- The order of recommend()'s votes, as recommend_candidates() writes it.
CREATE INDEX movie_stats_exact_vote ON movie_stats_exact (
    ((coalesce(avg_rating, 3.5) * rating_count + 87.5) / (rating_count + 25)) DESC, movie_id);
DROP MATERIALIZED VIEW movie_stats;
ALTER MATERIALIZED VIEW movie_stats_exact RENAME TO movie_stats;
ALTER INDEX movie_stats_exact_movie_id RENAME TO movie_stats_movie_id;
ALTER INDEX movie_stats_exact_popularity RENAME TO movie_stats_popularity;
ALTER INDEX movie_stats_exact_vote RENAME TO movie_stats_vote;
