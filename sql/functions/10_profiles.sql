-- Taste vectors: kept by the triggers on ratings, or made again by refresh_profiles().
--
-- A user's vector is normalise(embedding_sum - weight_sum * catalog mean), where embedding_sum
-- is the sum of weight * embedding over the films rated and weight = 1 + (rating - 3.5) / 2:
-- 1.75 for five stars, 0 for one and a half, -0.25 for one. With a half-life every weight is
-- halved for each half-life between the rating and profile_settings.reference_time.

-- In the order in which a rating takes them, lest a rating and a migration wait for each other.
LOCK TABLE ratings, users IN SHARE ROW EXCLUSIVE MODE;

CREATE OR REPLACE FUNCTION scale(v vector, factor double precision) RETURNS vector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN v IS NOT NULL
            THEN v * array_fill(factor::real, ARRAY[vector_dims(v)])::vector END;

CREATE OR REPLACE FUNCTION rating_weight(
    rating real, rated_at timestamptz, half_life_days double precision, reference_time timestamptz
) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (1 + (rating - 3.5) / 2) * CASE WHEN half_life_days IS NULL THEN 1
    ELSE power(2, least(100, greatest(-100,
        extract(epoch FROM rated_at - reference_time) / 86400 / half_life_days))) END;

-- The vector follows its sums, whoever changes them.
CREATE OR REPLACE FUNCTION set_taste() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    taste vector;
BEGIN
    SELECT NEW.embedding_sum - scale(e.mean, NEW.weight_sum) INTO taste FROM embedding_model e;
    -- What rounding leaves of ratings that were taken back is no taste.
    NEW.embedding := CASE WHEN vector_norm(taste) > 1e-3 THEN l2_normalize(taste) END;
    NEW.updated_at := now();
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER users_taste
    BEFORE INSERT OR UPDATE OF embedding_sum, weight_sum ON users
    FOR EACH ROW EXECUTE FUNCTION set_taste();

-- Adds what a statement changed, so that concurrent writers lose nothing. Users are taken in
-- one order, so that two bulk writers do not deadlock. EXECUTE plans for the rows at hand.
CREATE OR REPLACE FUNCTION add_ratings_to_profiles() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        -- An old snapshot does not know which model is active now, nor from when ages are counted:
        -- whoever changes that changes this row, so that the server asks to try again.
        PERFORM FROM profile_settings FOR SHARE;
    END IF;
    EXECUTE format($sql$
        INSERT INTO users AS u (user_id, profile, embedding_sum, weight_sum, rating_count)
        SELECT c.user_id, c.profile,
               sum(scale(m.embedding, c.sign * w.weight)),
               coalesce(sum(c.sign * w.weight) FILTER (WHERE m.embedding IS NOT NULL), 0),
               sum(c.sign)
        FROM (%s) c
        JOIN movies m USING (movie_id)
        CROSS JOIN profile_settings s
        CROSS JOIN LATERAL (
            SELECT rating_weight(c.rating, c.rated_at, s.half_life_days, s.reference_time) AS weight
        ) w
        GROUP BY c.user_id, c.profile
        ORDER BY c.user_id, c.profile
        ON CONFLICT (user_id, profile) DO UPDATE SET
            embedding_sum = coalesce(u.embedding_sum + excluded.embedding_sum,
                                     u.embedding_sum, excluded.embedding_sum),
            weight_sum    = u.weight_sum + excluded.weight_sum,
            rating_count  = u.rating_count + excluded.rating_count
    $sql$, CASE TG_OP
        WHEN 'INSERT' THEN 'SELECT *, 1 AS sign FROM new_ratings'
        WHEN 'DELETE' THEN 'SELECT *, -1 AS sign FROM old_ratings'
        ELSE 'SELECT *, 1 AS sign FROM new_ratings UNION ALL SELECT *, -1 FROM old_ratings'
    END);
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER ratings_inserted AFTER INSERT ON ratings
    REFERENCING NEW TABLE AS new_ratings
    FOR EACH STATEMENT EXECUTE FUNCTION add_ratings_to_profiles();
CREATE OR REPLACE TRIGGER ratings_updated AFTER UPDATE ON ratings
    REFERENCING NEW TABLE AS new_ratings OLD TABLE AS old_ratings
    FOR EACH STATEMENT EXECUTE FUNCTION add_ratings_to_profiles();
CREATE OR REPLACE TRIGGER ratings_deleted AFTER DELETE ON ratings
    REFERENCING OLD TABLE AS old_ratings
    FOR EACH STATEMENT EXECUTE FUNCTION add_ratings_to_profiles();

-- TRUNCATE has no rows to subtract: every profile is made again, of nothing.
CREATE OR REPLACE FUNCTION forget_all_ratings() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM refresh_profiles();
    DELETE FROM user_factors;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER ratings_truncated AFTER TRUNCATE ON ratings
    FOR EACH STATEMENT EXECUTE FUNCTION forget_all_ratings();

CREATE OR REPLACE FUNCTION keep_users_with_ratings() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT FROM ratings r
               WHERE r.user_id = OLD.user_id AND r.profile = OLD.profile) THEN
        RAISE foreign_key_violation USING
            MESSAGE = format('User %s (%s) still has ratings', OLD.user_id, OLD.profile),
            HINT = 'Delete the ratings first, or use `palate user forget`.';
    END IF;
    RETURN OLD;
END $$;

CREATE OR REPLACE TRIGGER users_deleted BEFORE DELETE ON users
    FOR EACH ROW EXECUTE FUNCTION keep_users_with_ratings();

-- Makes every profile again from the ratings; returns how many there are. Nobody is locked out:
-- what it adds to a profile is the difference between the ratings and the profile at one moment, so
-- that whatever a rating made meanwhile adds stays, whichever comes first. A profile that is right
-- (but for what rounding leaves) is not touched.
CREATE OR REPLACE FUNCTION refresh_profiles() RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    refreshed bigint;
BEGIN
    -- Two at once would add the same difference twice.
    PERFORM pg_advisory_xact_lock(hashtext('palate'), hashtext('profiles'));
    UPDATE profile_settings
    SET reference_time = coalesce((SELECT max(rated_at) FROM ratings), now())
    WHERE half_life_days IS NOT NULL;

    INSERT INTO users AS u (user_id, profile, embedding_sum, weight_sum, rating_count)
    SELECT d.user_id, d.profile, d.embedding_sum, d.weight_sum, d.rating_count
    FROM (
        SELECT user_id, profile, coalesce(f.rating_count, 0) AS rated,
               coalesce(f.embedding_sum - h.embedding_sum, f.embedding_sum,
                        scale(h.embedding_sum, -1)) AS embedding_sum,
               coalesce(f.weight_sum, 0) - coalesce(h.weight_sum, 0) AS weight_sum,
               coalesce(f.rating_count, 0) - coalesce(h.rating_count, 0) AS rating_count
        FROM users h
        FULL JOIN (
            SELECT r.user_id, r.profile,
                   sum(scale(m.embedding, w.weight)) AS embedding_sum,
                   coalesce(sum(w.weight) FILTER (WHERE m.embedding IS NOT NULL), 0) AS weight_sum,
                   count(*)::integer AS rating_count
            FROM ratings r
            JOIN movies m USING (movie_id)
            CROSS JOIN profile_settings s
            CROSS JOIN LATERAL (SELECT rating_weight(r.rating, r.rated_at, s.half_life_days,
                                                     s.reference_time) AS weight) w
            GROUP BY r.user_id, r.profile
        ) f USING (user_id, profile)
    ) d
    WHERE d.rating_count <> 0 OR abs(d.weight_sum) > 1e-6 * (1 + d.rated)
       OR vector_norm(d.embedding_sum) > 1e-6 * (1 + d.rated)
    ORDER BY d.user_id, d.profile
    ON CONFLICT (user_id, profile) DO UPDATE SET
        embedding_sum = coalesce(u.embedding_sum + excluded.embedding_sum,
                                 u.embedding_sum, excluded.embedding_sum),
        weight_sum    = u.weight_sum + excluded.weight_sum,
        rating_count  = u.rating_count + excluded.rating_count;

    UPDATE users SET embedding_sum = NULL, weight_sum = 0
    WHERE rating_count = 0 AND embedding_sum IS NOT NULL;
    SELECT count(*) INTO refreshed FROM users WHERE rating_count > 0;
    RETURN refreshed;
END $$;
