-- Statistics of films: movie_stats is made again beside the old one, then movies gets a copy of
-- what changed, so that avg_rating and rating_count can be searched. Returns how many changed.
CREATE OR REPLACE FUNCTION refresh_stats() RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT SET work_mem = '64MB' AS $$
DECLARE
    changed bigint;
BEGIN
    REFRESH MATERIALIZED VIEW CONCURRENTLY movie_stats;
    REFRESH MATERIALIZED VIEW CONCURRENTLY movie_trends;
    UPDATE movies m SET avg_rating = s.shown, rating_count = s.rating_count
    FROM (SELECT movie_id, round(avg_rating::numeric, 2)::double precision AS shown, rating_count
          FROM movie_stats) s
    WHERE s.movie_id = m.movie_id
      AND (m.avg_rating, m.rating_count) IS DISTINCT FROM (s.shown, s.rating_count);
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN changed;
END $$;
