-- Statistics of films. What an answer says of a film's ratings is counted as they come, in
-- rating_counts; what searches filter and order by, popularity and votes are of the last refresh.

-- How many people rated a film, and their mean, now.
CREATE OR REPLACE FUNCTION ratings_now(movie bigint)
RETURNS TABLE (rating_count integer, avg_rating double precision)
LANGUAGE sql STABLE BEGIN ATOMIC
SELECT coalesce(sum(c.ratings), 0)::integer,
       round((sum(c.stars) / nullif(sum(c.ratings), 0))::numeric, 2)::double precision
FROM rating_counts c WHERE c.movie_id = movie;
END;

-- Adds up the rows of those of these films that have more than `most`. Rows that somebody else is folding
-- are theirs: nobody waits, so that two who rate the same films in two orders do not deadlock.
CREATE OR REPLACE FUNCTION fold_rating_counts(movie_ids bigint[], most integer) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    WITH many AS (
        SELECT c.movie_id FROM rating_counts c
        WHERE c.movie_id = ANY (movie_ids)
        GROUP BY c.movie_id HAVING count(*) > most
    ), held AS (
        SELECT c.ctid AS place FROM rating_counts c WHERE c.movie_id IN (SELECT movie_id FROM many)
        FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM rating_counts c WHERE c.ctid IN (SELECT place FROM held)
        RETURNING c.movie_id, c.ratings, c.stars
    )
    INSERT INTO rating_counts (movie_id, ratings, stars)
    SELECT g.movie_id, sum(g.ratings), sum(g.stars) FROM gone g GROUP BY g.movie_id
    HAVING sum(g.ratings) <> 0 OR sum(g.stars) <> 0;
END $$;

-- Adds what is missing to what people's ratings give, in one statement: whoever rates meanwhile is
-- neither among the ratings nor among the counts that it sees.
CREATE OR REPLACE FUNCTION correct_rating_counts() RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO rating_counts (movie_id, ratings, stars)
    SELECT movie_id, d.ratings, d.stars
    FROM (
        SELECT r.movie_id, count(*) AS ratings, sum(r.rating::double precision) AS stars
        FROM ratings r JOIN users u USING (user_id, profile) WHERE NOT u.synthetic GROUP BY r.movie_id
    ) r
    FULL JOIN (
        SELECT c.movie_id, sum(c.ratings) AS ratings, sum(c.stars) AS stars
        FROM rating_counts c GROUP BY c.movie_id
    ) c USING (movie_id)
    CROSS JOIN LATERAL (SELECT coalesce(r.ratings, 0) - coalesce(c.ratings, 0) AS ratings,
                               coalesce(r.stars, 0) - coalesce(c.stars, 0) AS stars) d
    WHERE d.ratings <> 0 OR abs(d.stars) > 1e-6;
END $$;

-- Counts what a statement changed. Synthetic users count in no statistic.
CREATE OR REPLACE FUNCTION count_ratings() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    changed bigint[];
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        DELETE FROM rating_counts;
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' THEN  -- of every rating that is written unless it is there
        IF NOT EXISTS (SELECT FROM old_ratings) THEN
            RETURN NULL;
        END IF;
    END IF;
    IF TG_OP IN ('DELETE', 'UPDATE') THEN
        WITH counted AS (
            INSERT INTO rating_counts (movie_id, ratings, stars)
            SELECT r.movie_id, -count(*), -sum(r.rating::double precision)
            FROM old_ratings r LEFT JOIN users u USING (user_id, profile)
            WHERE u.synthetic IS NOT TRUE GROUP BY r.movie_id
            RETURNING movie_id
        ) SELECT array_agg(movie_id) INTO changed FROM counted;
    END IF;
    IF TG_OP IN ('INSERT', 'UPDATE') THEN
        WITH counted AS (
            INSERT INTO rating_counts (movie_id, ratings, stars)
            SELECT r.movie_id, count(*), sum(r.rating::double precision)
            FROM new_ratings r LEFT JOIN users u USING (user_id, profile)
            WHERE u.synthetic IS NOT TRUE GROUP BY r.movie_id
            RETURNING movie_id
        ) SELECT array_agg(movie_id) INTO changed FROM counted;
    END IF;
    -- Looking for rows to fold takes four times as long as counting: of ten ratings one does.
    -- An old snapshot may not delete what somebody else has folded since.
    IF (cardinality(changed) > 1 OR random() < 0.1)
       AND current_setting('transaction_isolation') = 'read committed' THEN
        PERFORM fold_rating_counts(changed, 16);
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER ratings_counted_insert AFTER INSERT ON ratings
    REFERENCING NEW TABLE AS new_ratings
    FOR EACH STATEMENT EXECUTE FUNCTION count_ratings();
CREATE OR REPLACE TRIGGER ratings_counted_update AFTER UPDATE ON ratings
    REFERENCING NEW TABLE AS new_ratings OLD TABLE AS old_ratings
    FOR EACH STATEMENT EXECUTE FUNCTION count_ratings();
CREATE OR REPLACE TRIGGER ratings_counted_delete AFTER DELETE ON ratings
    REFERENCING OLD TABLE AS old_ratings
    FOR EACH STATEMENT EXECUTE FUNCTION count_ratings();
CREATE OR REPLACE TRIGGER ratings_counted_truncate AFTER TRUNCATE ON ratings
    FOR EACH STATEMENT EXECUTE FUNCTION count_ratings();

-- Of ratings that were there before: nobody rates until these triggers are everybody's.
SELECT correct_rating_counts() WHERE NOT EXISTS (SELECT FROM rating_counts);

-- movie_stats is made again beside the old one, then movies gets a copy of what changed, so that
-- avg_rating and rating_count can be searched. Returns how many changed.
CREATE OR REPLACE FUNCTION refresh_stats() RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT SET work_mem = '64MB'
SET quote_all_identifiers = off AS $$  -- with which PostgreSQL refreshes none CONCURRENTLY
DECLARE
    view record;
    changed bigint;
BEGIN
    IF NOT is_subscribed('rating_counts') THEN  -- a subscriber's come from its primary
        PERFORM correct_rating_counts();
        IF current_setting('transaction_isolation') = 'read committed' THEN
            PERFORM fold_rating_counts(ARRAY(SELECT DISTINCT movie_id FROM rating_counts), 1);
        END IF;
    END IF;
    FOR view IN  -- one that pg_dump made without rows is read by nobody yet
        SELECT c.relname AS name, CASE WHEN c.relispopulated THEN 'CONCURRENTLY' ELSE '' END AS how
        FROM pg_class c WHERE c.oid IN ('movie_stats'::regclass, 'movie_trends'::regclass)
        ORDER BY c.relname
    LOOP
        EXECUTE format('REFRESH MATERIALIZED VIEW %s %I', view.how, view.name);
    END LOOP;
    UPDATE stats_version SET version = version + 1;  -- copies of the popularity before are not used any more
    UPDATE movies m SET avg_rating = s.shown, rating_count = s.rating_count
    FROM (SELECT movie_id, round(avg_rating::numeric, 2)::double precision AS shown, rating_count
          FROM movie_stats) s
    WHERE s.movie_id = m.movie_id
      AND (m.avg_rating, m.rating_count) IS DISTINCT FROM (s.shown, s.rating_count);
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN changed;
END $$;
