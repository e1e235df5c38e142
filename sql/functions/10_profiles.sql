-- Taste vectors: made again for whoever rated, by the triggers on ratings, or for everybody by
-- refresh_profiles(), by the same statement, so that both end alike whatever the order of ratings.
--
-- A user's vector is normalise(embedding_sum - weight_sum * catalog mean), where embedding_sum
-- is the sum of weight * embedding over the films rated. Ratings from the user's middle up draw
-- towards a film, those below push away: taste_weight(). With a half-life every weight is halved
-- for each half-life between the rating and profile_settings.reference_time.

-- In the order in which a rating takes them, lest a rating and a migration wait for each other.
LOCK TABLE ratings, users IN SHARE ROW EXCLUSIVE MODE;

CREATE OR REPLACE FUNCTION scale(v vector, factor double precision) RETURNS vector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN v IS NOT NULL
            THEN v * array_fill(factor::real, ARRAY[vector_dims(v)])::vector END;

-- The least stars that draw somebody towards a film: 3.5, which a hundred ratings halve the way to
-- the person's own mean, rounded up to half stars. Who rates everything alike never gets there, so
-- that haters stay haters. Fitted: `docs/quality.md`, "Below the middle".
CREATE OR REPLACE FUNCTION taste_middle(stars double precision, ratings bigint) RETURNS real
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ceil(2 * (350 + stars) / (100 + ratings)) / 2;

-- What a rating counts: 1.75 for five stars, .5 at the least where it draws towards a film; -.2 a
-- star below the middle.
CREATE OR REPLACE FUNCTION taste_weight(
    rating real, middle real, base double precision DEFAULT 1, slope double precision DEFAULT 0.5
) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN rating >= middle THEN base + slope * greatest(rating - 3.5, -1)
            ELSE 0.2 * (rating - middle) END;

-- How much taste counts beside what counts for everybody, by how many ratings tell of it. Fitted on
-- histories cut to their last 1 to 20 ratings: `docs/quality.md`, "The first ratings".
CREATE OR REPLACE FUNCTION taste_strength(ratings bigint) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ratings / (ratings + 50.0);

CREATE OR REPLACE FUNCTION age_weight(
    rated_at timestamptz, half_life_days double precision, reference_time timestamptz
) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN half_life_days IS NULL THEN 1
    ELSE power(2, least(100, greatest(-100,
        extract(epoch FROM rated_at - reference_time) / 86400 / half_life_days))) END;

-- One user's ratings with the user's middle, how many there are, and how many are later than each.
CREATE OR REPLACE FUNCTION ratings_of(for_user bigint, for_profile text) RETURNS TABLE (
    movie_id bigint, rating real, rated_at timestamptz, middle real, ratings bigint, later bigint
) LANGUAGE sql STABLE AS $$
SELECT r.movie_id, r.rating, r.rated_at, taste_middle(sum(r.rating) OVER (), count(*) OVER ()),
       count(*) OVER (), rank() OVER (ORDER BY r.rated_at DESC) - 1
FROM ratings r WHERE r.user_id = for_user AND r.profile = for_profile
$$;

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

-- Makes the profiles of some users again from their ratings, or of all; returns how many have any.
CREATE OR REPLACE FUNCTION make_profiles(user_ids bigint[] DEFAULT NULL, profiles text[] DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    made bigint;
BEGIN
    EXECUTE format($sql$
        INSERT INTO users AS u (user_id, profile, embedding_sum, weight_sum, rating_count)
        SELECT t.user_id, t.profile, sum(scale(g.total, g.weight)), sum(g.weight * g.embedded),
               sum(g.films)
        FROM (%s) t
        CROSS JOIN LATERAL (
            -- Ratings that weigh alike are added first: a vector times a number is what takes long.
            SELECT w.weight, sum(m.embedding) AS total, count(m.embedding) AS embedded,
                   count(*) AS films
            FROM profile_settings s
            CROSS JOIN ratings_of(t.user_id, t.profile) r
            JOIN movies m USING (movie_id)
            CROSS JOIN LATERAL (
                SELECT taste_weight(r.rating, r.middle)
                       * age_weight(r.rated_at, s.half_life_days, s.reference_time) AS weight
            ) w
            GROUP BY w.weight
        ) g
        GROUP BY t.user_id, t.profile
        ORDER BY t.user_id, t.profile
        ON CONFLICT (user_id, profile) DO UPDATE SET
            embedding_sum = excluded.embedding_sum,
            weight_sum    = excluded.weight_sum,
            rating_count  = excluded.rating_count
    $sql$, CASE WHEN user_ids IS NULL THEN 'SELECT DISTINCT user_id, profile FROM ratings'
                ELSE 'SELECT * FROM unnest($1, $2) x (user_id, profile)' END)
    USING user_ids, profiles;
    GET DIAGNOSTICS made = ROW_COUNT;

    UPDATE users u SET embedding_sum = NULL, weight_sum = 0, rating_count = 0
    WHERE u.rating_count <> 0
      AND (user_ids IS NULL
           OR (u.user_id, u.profile) IN (SELECT * FROM unnest(user_ids, profiles)))
      AND NOT EXISTS (SELECT FROM ratings r
                      WHERE r.user_id = u.user_id AND r.profile = u.profile);
    RETURN made;
END $$;

-- Whose ratings a statement changed, made again. Their rows are locked first, in one order, so that
-- two bulk writers do not deadlock; the statement after sees what a writer before committed, so
-- that none loses a rating.
CREATE OR REPLACE FUNCTION add_ratings_to_profiles() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    user_ids bigint[];
    profiles text[];
BEGIN
    EXECUTE format('SELECT array_agg(user_id), array_agg(profile) FROM (
                        SELECT DISTINCT user_id, profile FROM (%s) c ORDER BY 1, 2) t',
        CASE TG_OP
            WHEN 'INSERT' THEN 'SELECT * FROM new_ratings'
            WHEN 'DELETE' THEN 'SELECT * FROM old_ratings'
            ELSE 'SELECT * FROM new_ratings UNION ALL SELECT * FROM old_ratings'
        END) INTO user_ids, profiles;
    IF user_ids IS NULL THEN
        RETURN NULL;  -- no row was changed
    END IF;
    INSERT INTO users (user_id, profile)
    SELECT * FROM unnest(user_ids, profiles) t (user_id, profile) ORDER BY 1, 2
    ON CONFLICT DO NOTHING;
    PERFORM FROM users u JOIN unnest(user_ids, profiles) t (user_id, profile)
        USING (user_id, profile)
    ORDER BY u.user_id, u.profile FOR NO KEY UPDATE OF u;
    PERFORM make_profiles(user_ids, profiles);
    PERFORM make_user_factors(m.id, user_ids, profiles) FROM models m
    WHERE m.kind = 'factors' AND m.state = 'active';
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

-- Makes every profile again from the ratings; returns how many there are. Writers of ratings
-- wait meanwhile, readers do not.
CREATE OR REPLACE FUNCTION refresh_profiles() RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    LOCK TABLE ratings IN SHARE ROW EXCLUSIVE MODE;
    UPDATE profile_settings
    SET reference_time = coalesce((SELECT max(rated_at) FROM ratings), now())
    WHERE half_life_days IS NOT NULL;

    RETURN make_profiles();
END $$;

-- Sums that another version made weigh ratings otherwise.
SELECT make_profiles();
DO $$ BEGIN
    IF to_regproc('make_user_factors') IS NOT NULL THEN
        PERFORM make_user_factors(id) FROM models WHERE kind = 'factors' AND state = 'active';
    END IF;
END $$;
