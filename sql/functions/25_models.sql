-- Learned factors: a user's are a sum over the films rated, so that a rating is folded in by
-- additions and nothing is trained.
--
--   factors(user) = sum of weight(rating) * recency(rating) * factors_in(film)
--   affinity(user, film) = factors(user) . factors_out(film)
--
-- The weight is taste_weight() with the model's base and slope; where its parameter `away` is false,
-- ratings below the middle push nothing away: base + slope * (rating - 3.5), whatever the rating.

CREATE OR REPLACE FUNCTION factor_weight(parameters jsonb, rating real, middle real)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN (parameters ->> 'away')::boolean IS NOT FALSE
    THEN taste_weight(rating, middle, coalesce((parameters ->> 'base')::double precision, 1),
                      coalesce((parameters ->> 'slope')::double precision, 0))
    ELSE coalesce((parameters ->> 'base')::double precision, 1)
         + coalesce((parameters ->> 'slope')::double precision, 0) * (rating - 3.5) END;

-- All ratings alike and, `recent` times as much (2 unless the model's parameters say otherwise), those
-- given last, of which every ten later ones halve one: each sum over the root of how many it is made
-- of. 14.4 ratings (10 / ln 2) are what a half-life of 10 adds up to. Ratings of one time count alike;
-- behind a hundred later ones nothing is left to halve.
CREATE OR REPLACE FUNCTION recency(parameters jsonb, later bigint, ratings bigint)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 1 / sqrt(ratings) + CASE WHEN later < 100
    THEN coalesce((parameters ->> 'recent')::double precision, 2) * power(0.5, later / 10.0)
         / sqrt(least(ratings, 14.4)) ELSE 0 END;

-- The factors that users' ratings give under a model: everybody's, or those of `ids` and
-- `profiles`, which go together by their places.
CREATE OR REPLACE FUNCTION sum_user_factors(
    model bigint, ids bigint[] DEFAULT NULL, profiles text[] DEFAULT NULL
) RETURNS TABLE (user_id bigint, profile text, factors vector, rating_count integer)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY EXECUTE format($sql$
        SELECT t.user_id, t.profile, sum(scale(g.total, g.weight)), sum(g.films)::integer
        FROM models m
        CROSS JOIN (%s) t
        CROSS JOIN LATERAL (
            SELECT w.weight, sum(f.factors_in) AS total, count(*) AS films
            FROM ratings_of(t.user_id, t.profile) r
            JOIN movie_factors f ON f.movie_id = r.movie_id AND f.model_id = m.id
            CROSS JOIN LATERAL (
                SELECT coalesce(r.weight, factor_weight(m.parameters, r.rating, r.middle))
                       * recency(m.parameters, r.later, r.ratings) AS weight
            ) w
            GROUP BY w.weight
        ) g
        WHERE m.id = $1
        GROUP BY t.user_id, t.profile
    $sql$, CASE WHEN ids IS NULL THEN 'SELECT user_id, profile FROM ratings UNION
                                       SELECT user_id, profile FROM events'
                ELSE 'SELECT * FROM unnest($2, $3) x (user_id, profile)' END)
    USING model, ids, profiles;
END $$;

-- Makes the factors of some users of one model again from their ratings, whose rows in `users` are
-- locked. Nothing is kept of a user whose ratings were all taken back.
CREATE OR REPLACE FUNCTION make_user_factors(model bigint, user_ids bigint[], profiles text[])
RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO user_factors AS u (user_id, profile, model_id, factors, rating_count)
    SELECT s.user_id, s.profile, model, s.factors, s.rating_count
    FROM sum_user_factors(model, user_ids, profiles) s
    ORDER BY s.user_id, s.profile
    ON CONFLICT (user_id, profile, model_id) DO UPDATE SET
        factors      = excluded.factors,
        rating_count = excluded.rating_count;
    DELETE FROM user_factors u USING unnest(user_ids, profiles) t (user_id, profile)
    WHERE u.model_id = model AND u.user_id = t.user_id AND u.profile = t.profile
      AND NOT EXISTS (SELECT FROM ratings_of(u.user_id, u.profile) r JOIN movie_factors f USING (movie_id)
                      WHERE f.model_id = model);
END $$;

DROP TRIGGER IF EXISTS ratings_inserted_factors ON ratings;
DROP TRIGGER IF EXISTS ratings_updated_factors ON ratings;
DROP TRIGGER IF EXISTS ratings_deleted_factors ON ratings;
DROP TRIGGER IF EXISTS ratings_replicated_factors ON ratings;

-- Makes those users' factors of one model again that are not what their ratings give; returns how
-- many there are. Nobody is locked out, as by refresh_profiles().
CREATE OR REPLACE FUNCTION refresh_user_factors(model bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    refreshed bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('palate'), hashtext('models'));
    WITH made AS MATERIALIZED (
        SELECT user_id, profile, h.factors AS old_factors, h.rating_count AS old_count,
               s.factors, s.rating_count
        FROM (SELECT * FROM user_factors f WHERE f.model_id = model) h
        FULL JOIN sum_user_factors(model) s USING (user_id, profile)
    ), added AS (
        INSERT INTO user_factors (user_id, profile, model_id, factors, rating_count)
        SELECT m.user_id, m.profile, model, m.factors, m.rating_count
        FROM made m WHERE m.old_count IS NULL
        ORDER BY m.user_id, m.profile
        ON CONFLICT DO NOTHING
    ), removed AS (
        DELETE FROM user_factors u USING made m
        WHERE m.rating_count IS NULL AND u.model_id = model AND u.user_id = m.user_id
          AND u.profile = m.profile AND u.factors = m.old_factors AND u.rating_count = m.old_count
    )
    UPDATE user_factors u SET factors = d.factors, rating_count = d.rating_count
    FROM (
        SELECT * FROM made m
        WHERE m.rating_count <> m.old_count
           OR vector_norm(m.factors - m.old_factors) > 1e-6 * (1 + m.rating_count)
        ORDER BY m.user_id, m.profile
    ) d
    WHERE u.model_id = model AND u.user_id = d.user_id AND u.profile = d.profile
      AND u.factors = d.old_factors AND u.rating_count = d.old_count;
    SELECT count(*) INTO refreshed FROM user_factors f WHERE f.model_id = model;
    RETURN refreshed;
END $$;

-- Lets ratings and events that have begun end and keeps others from beginning, until this transaction
-- ends. A try waits no longer than raters may well wait behind it.
CREATE OR REPLACE FUNCTION stop_ratings() RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '50ms' AS $$
BEGIN
    FOR try IN 1..1200 LOOP
        BEGIN
            LOCK TABLE ratings, events, users IN SHARE ROW EXCLUSIVE MODE;
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
    SELECT * INTO chosen FROM models WHERE id = model;
    IF chosen.id IS NULL THEN
        RAISE no_data_found USING MESSAGE = format('there is no model %s', coalesce(model::text, 'NULL')),
            HINT = 'SELECT id, kind, name, state FROM models;';
    END IF;
    SELECT id INTO before FROM models WHERE kind = chosen.kind AND state = 'active' AND id <> model;
    IF chosen.kind = 'factors' AND chosen.state <> 'active' THEN
        PERFORM prepare_user_factors(model);
        UPDATE profile_settings SET only_one = only_one;  -- see add_ratings_to_profiles()
    END IF;
    UPDATE models SET state = 'retired'
    WHERE kind = chosen.kind AND state = 'active' AND id <> model;
    UPDATE models SET state = 'active', activated_at = clock_timestamp()
    WHERE id = model AND state <> 'active';
    IF chosen.weights IS NULL AND chosen.kind = 'factors' AND EXISTS (
        SELECT FROM blend WHERE collaborative = 0
    ) THEN
        -- Not tuned: near what `palate train` found on ml-latest-small, with more for text.
        UPDATE models SET weights = '{"bm25": 0.15, "content": 0.2, "collaborative": 0.55,
                                      "popularity": 0.1}'
        WHERE id = model RETURNING weights INTO chosen.weights;
    END IF;
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

-- Weights that were tuned with a model go with it, whether another takes its place or none does.
CREATE OR REPLACE FUNCTION forget_weights() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.state <> 'active' THEN
        UPDATE blend SET bm25 = DEFAULT, semantic = DEFAULT, content = DEFAULT,
                         collaborative = DEFAULT, popularity = DEFAULT;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER models_forgotten AFTER UPDATE OF state OR DELETE ON models
    FOR EACH ROW WHEN (OLD.kind = 'factors' AND OLD.state = 'active' AND OLD.weights IS NOT NULL)
    EXECUTE FUNCTION forget_weights();

-- Whoever LISTENs to palate_models hears, when it is committed, that a model was activated, retired
-- or removed, and can read it before the next search asks. Nobody needs to: every search learns
-- from its own statement which models are active, so a message that is missed is missed by no search.
CREATE OR REPLACE FUNCTION tell_models_changed() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM pg_notify('palate_models', '');
    RETURN NULL;
END $$;
-- A model that was activated where the factors of users are not published.
CREATE OR REPLACE FUNCTION replicate_activation() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM pg_notify('palate_models', '');
    IF NEW.kind = 'factors' AND NEW.state = 'active' AND NOT is_subscribed('user_factors') THEN
        PERFORM refresh_user_factors(NEW.id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER models_replicated AFTER INSERT OR UPDATE ON models
    FOR EACH ROW EXECUTE FUNCTION replicate_activation();
ALTER TABLE models ENABLE REPLICA TRIGGER models_replicated;
CREATE OR REPLACE TRIGGER models_changed AFTER UPDATE OF state OR DELETE ON models
    FOR EACH STATEMENT EXECUTE FUNCTION tell_models_changed();
