-- Learned factors: a user's are a sum over the films rated, so that a rating is folded in by one
-- addition and nothing is trained.
--
--   factors(user) = sum of (base + slope * (rating - 3.5)) * factors_in(film)
--   affinity(user, film) = factors(user) . factors_out(film)
--
-- base and slope are the model's parameters.

CREATE OR REPLACE FUNCTION factor_weight(parameters jsonb, rating real) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce((parameters ->> 'base')::double precision, 1)
       + coalesce((parameters ->> 'slope')::double precision, 0) * (rating - 3.5);

-- Adds what a statement changed to the active model's factors of its users. Users are taken in
-- one order, as by the triggers that keep profiles, so that bulk writers do not deadlock.
CREATE OR REPLACE FUNCTION add_ratings_to_factors() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    active models;
    changes text := CASE TG_OP
        WHEN 'INSERT' THEN 'SELECT *, 1 AS sign FROM new_ratings'
        WHEN 'DELETE' THEN 'SELECT *, -1 AS sign FROM old_ratings'
        ELSE 'SELECT *, 1 AS sign FROM new_ratings UNION ALL SELECT *, -1 FROM old_ratings'
    END;
BEGIN
    SELECT * INTO active FROM models m WHERE m.kind = 'factors' AND m.state = 'active';
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    EXECUTE format($sql$
        INSERT INTO user_factors AS u (user_id, profile, model_id, factors, rating_count)
        SELECT c.user_id, c.profile, f.model_id,
               sum(scale(f.factors_in, c.sign * factor_weight($2, c.rating))), sum(c.sign)
        FROM (%s) c
        JOIN movie_factors f ON f.movie_id = c.movie_id AND f.model_id = $1
        GROUP BY c.user_id, c.profile, f.model_id
        ORDER BY c.user_id, c.profile
        ON CONFLICT (user_id, profile, model_id) DO UPDATE SET
            factors      = u.factors + excluded.factors,
            rating_count = u.rating_count + excluded.rating_count
    $sql$, changes) USING active.id, active.parameters;
    IF TG_OP <> 'INSERT' THEN
        -- Nothing is kept of a user whose ratings were all taken back.
        EXECUTE format($sql$
            DELETE FROM user_factors u USING (%s) c
            WHERE u.user_id = c.user_id AND u.profile = c.profile AND u.rating_count = 0
        $sql$, changes);
    END IF;
    RETURN NULL;
END $$;

-- Their names put them after the triggers that keep profiles: locks are taken in one order.
CREATE OR REPLACE TRIGGER ratings_inserted_factors AFTER INSERT ON ratings
    REFERENCING NEW TABLE AS new_ratings
    FOR EACH STATEMENT EXECUTE FUNCTION add_ratings_to_factors();
CREATE OR REPLACE TRIGGER ratings_updated_factors AFTER UPDATE ON ratings
    REFERENCING NEW TABLE AS new_ratings OLD TABLE AS old_ratings
    FOR EACH STATEMENT EXECUTE FUNCTION add_ratings_to_factors();
CREATE OR REPLACE TRIGGER ratings_deleted_factors AFTER DELETE ON ratings
    REFERENCING OLD TABLE AS old_ratings
    FOR EACH STATEMENT EXECUTE FUNCTION add_ratings_to_factors();

-- The factors that users' ratings give under a model: everybody's, or those of `ids` and `profiles`,
-- which go together by their places.
CREATE OR REPLACE FUNCTION sum_user_factors(
    model bigint, ids bigint[] DEFAULT NULL, profiles text[] DEFAULT NULL
) RETURNS TABLE (user_id bigint, profile text, factors vector, rating_count integer)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY EXECUTE format($sql$
        SELECT r.user_id, r.profile,
               sum(scale(f.factors_in, factor_weight(m.parameters, r.rating))), count(*)::integer
        FROM models m
        JOIN movie_factors f ON f.model_id = m.id
        JOIN ratings r ON r.movie_id = f.movie_id
        %s
        WHERE m.id = $1
        GROUP BY r.user_id, r.profile
    $sql$, CASE WHEN ids IS NULL THEN '' ELSE
        'JOIN unnest($2, $3) u (id, name) ON u.id = r.user_id AND u.name = r.profile' END)
    USING model, ids, profiles;
END $$;

-- Makes every user's factors of one model again from the ratings; returns how many there are. Nobody
-- is locked out: it adds differences, as refresh_profiles() does.
CREATE OR REPLACE FUNCTION refresh_user_factors(model bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    refreshed bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('palate'), hashtext('models'));
    INSERT INTO user_factors AS u (user_id, profile, model_id, factors, rating_count)
    SELECT d.user_id, d.profile, model, d.factors, d.rating_count
    FROM (
        SELECT user_id, profile, coalesce(f.rating_count, 0) AS rated,
               coalesce(f.factors - h.factors, f.factors, scale(h.factors, -1)) AS factors,
               coalesce(f.rating_count, 0) - coalesce(h.rating_count, 0) AS rating_count
        FROM (SELECT * FROM user_factors WHERE model_id = model) h
        FULL JOIN sum_user_factors(model) f USING (user_id, profile)
    ) d
    WHERE d.rating_count <> 0 OR vector_norm(d.factors) > 1e-6 * (1 + d.rated)
    ORDER BY d.user_id, d.profile
    ON CONFLICT (user_id, profile, model_id) DO UPDATE SET
        factors      = u.factors + excluded.factors,
        rating_count = u.rating_count + excluded.rating_count;
    DELETE FROM user_factors WHERE model_id = model AND rating_count = 0;
    SELECT count(*) INTO refreshed FROM user_factors WHERE model_id = model;
    RETURN refreshed;
END $$;

-- Lets ratings that have begun end and keeps others from beginning, until this transaction ends. A
-- try waits no longer than raters may well wait behind it.
CREATE OR REPLACE FUNCTION stop_ratings() RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '50ms' AS $$
BEGIN
    FOR try IN 1..1200 LOOP
        BEGIN
            LOCK TABLE ratings IN SHARE ROW EXCLUSIVE MODE;
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_sleep(0.05);
        END;
    END LOOP;
    RAISE lock_not_available USING MESSAGE = 'ratings are written without a pause';
END $$;

-- Makes the factors of a model that is not active, so that it can be: everybody's while ratings go
-- on, then, with ratings stopped for a moment, again those of who rated meanwhile, whom their changed
-- rows in `users` tell.
CREATE OR REPLACE FUNCTION prepare_user_factors(model bigint) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    before_ids bigint[];
    before_profiles text[];
    before_rows text[];
    ids bigint[];
    profiles text[];
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE serialization_failure USING
            MESSAGE = 'a model is activated in a READ COMMITTED transaction only',
            HINT = 'An older snapshot does not see the ratings made meanwhile.';
    END IF;
    SELECT array_agg(u.user_id), array_agg(u.profile), array_agg(u.ctid || ' ' || u.xmin)
    INTO before_ids, before_profiles, before_rows FROM users u;
    PERFORM refresh_user_factors(model);
    PERFORM stop_ratings();
    SELECT array_agg(user_id), array_agg(profile) INTO ids, profiles
    FROM unnest(before_ids, before_profiles, before_rows) b (user_id, profile, line)
    FULL JOIN users u USING (user_id, profile)
    WHERE b.line IS DISTINCT FROM u.ctid || ' ' || u.xmin;
    IF ids IS NOT NULL THEN
        DELETE FROM user_factors f USING unnest(ids, profiles) c (id, name)
        WHERE f.model_id = model AND f.user_id = c.id AND f.profile = c.name;
        INSERT INTO user_factors (user_id, profile, model_id, factors, rating_count)
        SELECT s.user_id, s.profile, model, s.factors, s.rating_count
        FROM sum_user_factors(model, ids, profiles) s;
    END IF;
END $$;

-- Makes one model the active one of its kind, with the weights of the blend that were tuned with
-- it; the one before is retired. All readers see the change at once, when it is committed.
CREATE OR REPLACE FUNCTION activate_model(model bigint) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    chosen models;
    before bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('palate'), hashtext('models'));
    SELECT * INTO STRICT chosen FROM models WHERE id = model;
    SELECT id INTO before FROM models WHERE kind = chosen.kind AND state = 'active' AND id <> model;
    IF chosen.kind = 'factors' AND chosen.state <> 'active' THEN
        PERFORM prepare_user_factors(model);
        UPDATE profile_settings SET only_one = only_one;  -- see add_ratings_to_profiles()
    END IF;
    UPDATE models SET state = 'retired'
    WHERE kind = chosen.kind AND state = 'active' AND id <> model;
    UPDATE models SET state = 'active', activated_at = clock_timestamp()
    WHERE id = model AND state <> 'active';
    IF chosen.weights IS NOT NULL THEN
        UPDATE blend b SET
            bm25          = coalesce((chosen.weights ->> 'bm25')::double precision, b.bm25),
            semantic      = coalesce((chosen.weights ->> 'semantic')::double precision, b.semantic),
            content       = coalesce((chosen.weights ->> 'content')::double precision, b.content),
            collaborative = coalesce((chosen.weights ->> 'collaborative')::double precision,
                                     b.collaborative),
            popularity    = coalesce((chosen.weights ->> 'popularity')::double precision,
                                     b.popularity);
    END IF;
    -- A user's factors of a model that is not active are made again when it is. Those of the one
    -- that just was are left for the next time: ratings wait where rows of theirs are deleted.
    DELETE FROM user_factors u USING models m
    WHERE m.id = u.model_id AND m.kind = chosen.kind AND m.state <> 'active'
      AND m.id IS DISTINCT FROM before;
END $$;

-- Whoever LISTENs to palate_models hears, when it is committed, that a model was activated, retired
-- or removed, and can read it before the next search asks. Nobody needs to: every search learns
-- from its own statement which models are active, so a message that is missed is missed by no search.
CREATE OR REPLACE FUNCTION tell_models_changed() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM pg_notify('palate_models', '');
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER models_changed AFTER UPDATE OF state OR DELETE ON models
    FOR EACH STATEMENT EXECUTE FUNCTION tell_models_changed();
