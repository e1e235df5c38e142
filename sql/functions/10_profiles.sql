-- Taste vectors: made again for whoever rated, by the triggers on ratings, or for everybody by
-- refresh_profiles(), by the same statement, so that both end alike whatever the order of ratings.
--
-- A user's vector is normalise(embedding_sum - weight_sum * catalog mean), where embedding_sum
-- is the sum of weight * embedding over the films rated. Ratings from the user's middle up draw
-- towards a film, those below push away: taste_weight(). With a half-life every weight is halved
-- for each half-life between the rating and profile_settings.reference_time.

-- In the order in which a rating takes them, lest a rating and a migration wait for each other.
LOCK TABLE ratings, events, users IN SHARE ROW EXCLUSIVE MODE;

-- Their columns may change.
DO $$
DECLARE f regprocedure;
BEGIN
    FOR f IN SELECT p.oid FROM pg_proc p
             WHERE p.proname IN ('ratings_of', 'sum_profiles') AND p.pronamespace = current_schema()::regnamespace
               AND p.proargnames && '{for_user,user_ids}'  -- a neighbour's has other arguments
    LOOP EXECUTE format('DROP FUNCTION %s', f); END LOOP;
END $$;

-- What rounding leaves of weights that cancel out is 0: times a small number it would be an
-- underflow, which is an error.
CREATE OR REPLACE FUNCTION scale(v vector, factor double precision) RETURNS vector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN v IS NOT NULL
            THEN v * array_fill((CASE WHEN abs(factor) < 1e-9 THEN 0 ELSE factor END)::real,
                                ARRAY[vector_dims(v)])::vector END;

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

-- What ranking knows of a person: the taste vector, the factors of the active model, how much they count;
-- no row for whom nothing is known. The vector is a copy: users keep theirs out of the row, where every
-- candidate would fetch it.
CREATE OR REPLACE FUNCTION known_taste(for_user bigint, profile text)
RETURNS TABLE (embedding vector, factors vector, model_id bigint, strength double precision)
LANGUAGE sql STABLE BEGIN ATOMIC
SELECT subvector(u.embedding, 1, vector_dims(u.embedding)), f.factors, f.model_id,
       taste_strength(u.rating_count + u.event_count)
FROM users u
LEFT JOIN (user_factors f JOIN models a
           ON a.id = f.model_id AND a.kind = 'factors' AND a.state = 'active')
       ON f.user_id = u.user_id AND f.profile = u.profile AND f.rating_count > 0
WHERE u.user_id = for_user AND u.profile = known_taste.profile
  AND (u.embedding IS NOT NULL OR f.factors IS NOT NULL);
END;

CREATE OR REPLACE FUNCTION age_weight(
    rated_at timestamptz, half_life_days double precision, reference_time timestamptz
) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN half_life_days IS NULL THEN 1
    ELSE power(2, least(100, greatest(-100,
        extract(epoch FROM rated_at - reference_time) / 86400 / half_life_days))) END;

-- Whether the rows of a table arrive by logical replication: what the publisher makes of ratings
-- is then not made of them again.
CREATE OR REPLACE FUNCTION is_subscribed(relation regclass) RETURNS boolean
LANGUAGE sql STABLE
RETURN EXISTS (SELECT FROM pg_subscription_rel s WHERE s.srrelid = relation);

-- What one user's events say of films, beside ratings. Of one film one event counts: the newest of
-- those that say what somebody thinks of it (`outspoken`), else the weightiest. A genre that is pinned
-- or muted is told of by its stand-ins, who together weigh half of what else is known, or five films.
CREATE OR REPLACE FUNCTION events_of(for_user bigint, for_profile text) RETURNS TABLE (
    movie_id bigint, happened_at timestamptz, weight double precision, outspoken boolean
) LANGUAGE sql STABLE BEGIN ATOMIC
SELECT DISTINCT ON (t.movie_id) t.movie_id, t.happened_at, t.weight, t.outspoken
FROM (
    SELECT e.movie_id, e.happened_at, w.weight,
           e.type NOT IN ('watched', 'saved', 'clicked') AS outspoken
    FROM events e JOIN event_weights w USING (type)
    WHERE e.user_id = for_user AND e.profile = for_profile AND e.movie_id IS NOT NULL
    UNION ALL
    SELECT s.movie_id, g.happened_at, g.weight * greatest(5, g.told / 2.0) / cardinality(g.stand_ins), false
    FROM (
        SELECT DISTINCT ON (e.genre) e.stand_ins, e.happened_at, w.weight, (
            SELECT count(*) FROM seen_movies k
            WHERE k.user_id = for_user AND k.profile = for_profile) AS told
        FROM events e JOIN event_weights w USING (type)
        WHERE e.user_id = for_user AND e.profile = for_profile AND e.movie_id IS NULL
        ORDER BY e.genre, e.happened_at DESC, e.event_id DESC
    ) g CROSS JOIN unnest(g.stand_ins) s(movie_id)
) t
ORDER BY t.movie_id, t.outspoken DESC, CASE WHEN t.outspoken THEN t.happened_at END DESC,
         abs(t.weight) DESC, t.happened_at DESC;
END;

-- One user's ratings, with the user's middle, and films that only events tell of (no rating): how many
-- they are and how many are later than each. `weight` is an event's, where that is what counts: of
-- films without a rating, and where somebody has spoken since.
CREATE FUNCTION ratings_of(for_user bigint, for_profile text) RETURNS TABLE (
    movie_id bigint, rating real, rated_at timestamptz, middle real, ratings bigint, later bigint,
    weight double precision
) LANGUAGE sql STABLE BEGIN ATOMIC
WITH event AS (
    SELECT * FROM events_of(for_user, for_profile)
), told AS (
    SELECT r.movie_id, r.rating, greatest(r.rated_at, e.happened_at) AS told_at, e.weight
    FROM ratings r
    LEFT JOIN event e ON e.movie_id = r.movie_id AND e.outspoken AND e.happened_at > r.rated_at
    WHERE r.user_id = for_user AND r.profile = for_profile
    UNION ALL
    SELECT e.movie_id, NULL, e.happened_at, e.weight FROM event e
    WHERE NOT EXISTS (SELECT FROM ratings r WHERE r.user_id = for_user AND r.profile = for_profile
                                              AND r.movie_id = e.movie_id)
)
SELECT t.movie_id, t.rating, t.told_at, taste_middle(sum(t.rating) OVER (), count(t.rating) OVER ()),
       count(*) OVER (), rank() OVER (ORDER BY t.told_at DESC) - 1, t.weight
FROM told t;
END;

-- The vector follows its sums, whoever changes them.
CREATE OR REPLACE FUNCTION set_taste() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    taste vector;
BEGIN
    IF current_setting('session_replication_role') = 'replica' AND is_subscribed('users') THEN
        RETURN NEW;  -- with its vector
    END IF;
    SELECT NEW.embedding_sum - scale(e.mean, NEW.weight_sum) INTO taste FROM embedding_model e;
    -- What rounding leaves of ratings that were taken back is no taste.
    NEW.embedding := CASE WHEN vector_norm(taste) > 1e-3 THEN l2_normalize(taste) END;
    NEW.updated_at := now();
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER users_taste
    BEFORE INSERT OR UPDATE OF embedding_sum, weight_sum ON users
    FOR EACH ROW EXECUTE FUNCTION set_taste();
ALTER TABLE users ENABLE ALWAYS TRIGGER users_taste;

-- What the ratings give for the profiles of some users (user_ids and profiles go together by their
-- places), or for everybody who has rated.
CREATE FUNCTION sum_profiles(user_ids bigint[] DEFAULT NULL, profiles text[] DEFAULT NULL)
RETURNS TABLE (user_id bigint, profile text, embedding_sum vector, weight_sum double precision,
               rating_count integer, event_count integer)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    whose text := CASE WHEN user_ids IS NULL THEN 'SELECT user_id, profile FROM ratings UNION
                                                   SELECT user_id, profile FROM events'
                       ELSE 'SELECT * FROM unnest($1, $2) x (user_id, profile)' END;
BEGIN
    IF NOT EXISTS (SELECT FROM embedding_model) THEN  -- there is nothing to add up
        RETURN QUERY EXECUTE format($sql$
            SELECT t.user_id, t.profile, NULL::vector, 0::double precision,
                   (SELECT count(*) FROM ratings r
                    WHERE r.user_id = t.user_id AND r.profile = t.profile)::integer,
                   (SELECT count(*) FROM events_of(t.user_id, t.profile) e
                    WHERE NOT EXISTS (SELECT FROM ratings r WHERE r.user_id = t.user_id
                                      AND r.profile = t.profile AND r.movie_id = e.movie_id))::integer
            FROM (%s) t
        $sql$, whose) USING user_ids, profiles;
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format($sql$
        SELECT t.user_id, t.profile, sum(scale(g.total, g.weight)),
               coalesce(sum(g.weight * g.embedded), 0), sum(g.ratings)::integer,
               sum(g.films - g.ratings)::integer
        FROM (%s) t
        CROSS JOIN LATERAL (
            -- Ratings that weigh alike are added first: a vector times a number is what takes long.
            SELECT w.weight, sum(m.embedding) AS total, count(m.embedding) AS embedded,
                   count(*) AS films, count(r.rating) AS ratings
            FROM profile_settings s
            CROSS JOIN ratings_of(t.user_id, t.profile) r
            JOIN movies m USING (movie_id)
            CROSS JOIN LATERAL (
                SELECT coalesce(r.weight, taste_weight(r.rating, r.middle))
                       * age_weight(r.rated_at, s.half_life_days, s.reference_time) AS weight
            ) w
            GROUP BY w.weight
        ) g
        GROUP BY t.user_id, t.profile
    $sql$, whose) USING user_ids, profiles;
END $$;

-- Makes the profiles and the active model's factors of some users again from their history. Their
-- rows are locked first, in one order, so that two bulk writers do not deadlock; the statement after
-- sees what a writer before committed, so that none loses a rating.
CREATE OR REPLACE FUNCTION make_taste(user_ids bigint[], profiles text[]) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO users (user_id, profile)
    SELECT * FROM unnest(user_ids, profiles) t (user_id, profile) ORDER BY 1, 2
    ON CONFLICT DO NOTHING;
    PERFORM FROM users u JOIN unnest(user_ids, profiles) t (user_id, profile)
        USING (user_id, profile)
    ORDER BY u.user_id, u.profile FOR NO KEY UPDATE OF u;
    UPDATE users u
    SET embedding_sum = s.embedding_sum, weight_sum = coalesce(s.weight_sum, 0),
        rating_count = coalesce(s.rating_count, 0), event_count = coalesce(s.event_count, 0)
    FROM unnest(user_ids, profiles) t (user_id, profile)
    LEFT JOIN sum_profiles(user_ids, profiles) s USING (user_id, profile)
    WHERE u.user_id = t.user_id AND u.profile = t.profile;
    PERFORM make_user_factors(m.id, user_ids, profiles) FROM models m
    WHERE m.kind = 'factors' AND m.state = 'active';
END $$;

-- Makes the taste of those again whose ratings a statement changed.
CREATE OR REPLACE FUNCTION add_ratings_to_profiles() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    user_ids bigint[];
    profiles text[];
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        -- An old snapshot does not know which model is active now, nor from when ages are counted:
        -- whoever changes that changes this row, so that the server asks to try again.
        PERFORM FROM profile_settings FOR SHARE;
    END IF;
    EXECUTE format('SELECT array_agg(user_id), array_agg(profile) FROM (
                        SELECT DISTINCT user_id, profile FROM (%s) c ORDER BY 1, 2) t',
        CASE TG_OP
            WHEN 'INSERT' THEN 'SELECT * FROM new_ratings'
            WHEN 'DELETE' THEN 'SELECT * FROM old_ratings'
            ELSE 'SELECT * FROM new_ratings UNION ALL SELECT * FROM old_ratings'
        END
        -- An event `rated` counts by the rating that it writes, whose trigger has been here already.
        || CASE TG_TABLE_NAME WHEN 'events' THEN $w$ WHERE type <> 'rated'$w$ ELSE '' END
    ) INTO user_ids, profiles;
    IF user_ids IS NOT NULL THEN
        PERFORM make_taste(user_ids, profiles);
    END IF;
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

-- Rows that arrive by logical replication fire triggers of rows only, and of those only the ones that
-- are told so (ENABLE REPLICA), which fire for nothing else. What is published beside the ratings is
-- not made of them again. Of many new ratings of one user the first is told with all of them there.
CREATE OR REPLACE FUNCTION replicate_rating() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    changed ratings;
BEGIN
    FOREACH changed IN ARRAY CASE TG_OP WHEN 'INSERT' THEN ARRAY[NEW] WHEN 'DELETE' THEN ARRAY[OLD]
                                        ELSE ARRAY[OLD, NEW] END LOOP
        IF is_subscribed('users') THEN
            IF NOT is_subscribed('user_factors') THEN
                PERFORM make_user_factors(m.id, ARRAY[changed.user_id], ARRAY[changed.profile])
                FROM models m WHERE m.kind = 'factors' AND m.state = 'active';
            END IF;
        ELSIF TG_OP <> 'INSERT' OR NOT EXISTS (
            SELECT FROM users u
            WHERE u.user_id = changed.user_id AND u.profile = changed.profile
              AND u.rating_count = (SELECT count(*) FROM ratings r WHERE r.user_id = u.user_id
                                                                     AND r.profile = u.profile)
        ) THEN
            PERFORM make_taste(ARRAY[changed.user_id], ARRAY[changed.profile]);
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER ratings_replicated AFTER INSERT OR UPDATE OR DELETE ON ratings
    FOR EACH ROW EXECUTE FUNCTION replicate_rating();
ALTER TABLE ratings ENABLE REPLICA TRIGGER ratings_replicated;

-- TRUNCATE has no rows to subtract: every profile is made again, of nothing.
CREATE OR REPLACE FUNCTION forget_all_ratings() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF current_setting('session_replication_role') <> 'replica' OR NOT is_subscribed('users') THEN
        PERFORM refresh_profiles();
    END IF;
    IF current_setting('session_replication_role') <> 'replica' OR NOT is_subscribed('user_factors') THEN
        PERFORM refresh_user_factors(m.id) FROM models m WHERE m.kind = 'factors' AND m.state = 'active';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER ratings_truncated AFTER TRUNCATE ON ratings
    FOR EACH STATEMENT EXECUTE FUNCTION forget_all_ratings();
ALTER TABLE ratings ENABLE ALWAYS TRIGGER ratings_truncated;

CREATE OR REPLACE FUNCTION keep_users_with_ratings() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT FROM ratings r
               WHERE r.user_id = OLD.user_id AND r.profile = OLD.profile)
       OR EXISTS (SELECT FROM events e
                  WHERE e.user_id = OLD.user_id AND e.profile = OLD.profile) THEN
        RAISE foreign_key_violation USING
            MESSAGE = format('User %s (%s) still has ratings or events', OLD.user_id, OLD.profile),
            HINT = 'Delete them first, or use `palate user forget`.';
    END IF;
    RETURN OLD;
END $$;

CREATE OR REPLACE TRIGGER users_deleted BEFORE DELETE ON users
    FOR EACH ROW EXECUTE FUNCTION keep_users_with_ratings();

-- Makes every profile that is not what the ratings give (but for what rounding leaves) again; returns
-- how many there are. Nobody is locked out: a profile that a rating made meanwhile is right, and left.
CREATE OR REPLACE FUNCTION correct_profiles() RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    refreshed bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('palate'), hashtext('profiles'));
    INSERT INTO users (user_id, profile)
    SELECT user_id, profile FROM ratings UNION SELECT user_id, profile FROM events ORDER BY 1, 2
    ON CONFLICT DO NOTHING;

    WITH made AS MATERIALIZED (
        SELECT h.user_id, h.profile, h.embedding_sum AS old_sum, h.weight_sum AS old_weight,
               h.rating_count AS old_count, h.event_count AS old_events, s.embedding_sum,
               coalesce(s.weight_sum, 0) AS weight_sum, coalesce(s.rating_count, 0) AS rating_count,
               coalesce(s.event_count, 0) AS event_count
        FROM users h LEFT JOIN sum_profiles() s USING (user_id, profile)
    )
    UPDATE users u
    SET embedding_sum = d.embedding_sum, weight_sum = d.weight_sum, rating_count = d.rating_count,
        event_count = d.event_count
    FROM (
        SELECT * FROM made m
        WHERE m.rating_count <> m.old_count OR m.event_count <> m.old_events
           OR abs(m.weight_sum - m.old_weight) > 1e-6 * (1 + m.rating_count)
           OR (m.embedding_sum IS NULL) <> (m.old_sum IS NULL)
           OR CASE WHEN vector_dims(m.embedding_sum) = vector_dims(m.old_sum)
                   THEN vector_norm(m.embedding_sum - m.old_sum) > 1e-6 * (1 + m.rating_count)
                   ELSE m.embedding_sum IS NOT NULL END
        ORDER BY m.user_id, m.profile
    ) d
    WHERE u.user_id = d.user_id AND u.profile = d.profile
      AND u.embedding_sum IS NOT DISTINCT FROM d.old_sum
      AND u.weight_sum = d.old_weight AND u.rating_count = d.old_count AND u.event_count = d.old_events;

    SELECT count(*) INTO refreshed FROM users WHERE rating_count + event_count > 0;
    RETURN refreshed;
END $$;

-- The same, with ages counted from the latest rating on.
CREATE OR REPLACE FUNCTION refresh_profiles() RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('palate'), hashtext('profiles'));
    UPDATE profile_settings
    SET reference_time = coalesce((SELECT max(rated_at) FROM ratings), now())
    WHERE half_life_days IS NOT NULL AND NOT is_subscribed('profile_settings');
    RETURN correct_profiles();
END $$;

-- Where taste is made of what arrives by logical replication, it is made again when what all of it
-- depends on arrives: the moment that ages are counted from, the model that embeds films.
CREATE OR REPLACE FUNCTION replicate_settings() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT is_subscribed('users') THEN
        PERFORM refresh_profiles();
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER profile_settings_replicated AFTER INSERT OR UPDATE ON profile_settings
    FOR EACH ROW EXECUTE FUNCTION replicate_settings();
ALTER TABLE profile_settings ENABLE REPLICA TRIGGER profile_settings_replicated;
CREATE OR REPLACE TRIGGER embedding_model_replicated AFTER INSERT OR UPDATE ON embedding_model
    FOR EACH ROW EXECUTE FUNCTION replicate_settings();
ALTER TABLE embedding_model ENABLE REPLICA TRIGGER embedding_model_replicated;
