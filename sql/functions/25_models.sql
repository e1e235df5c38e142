-- Learned factors: a user's are a sum over the films rated, so that a rating is folded in by
-- additions and nothing is trained.
--
--   factors(user) = sum of weight(rating) * recency(rating) * factors_in(film)
--   affinity(user, film) = factors(user) . factors_out(film)
--
-- The weight is taste_weight() with the model's base and slope.

CREATE OR REPLACE FUNCTION factor_weight(parameters jsonb, rating real, middle real)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN taste_weight(rating, middle, coalesce((parameters ->> 'base')::double precision, 1),
                    coalesce((parameters ->> 'slope')::double precision, 0));

-- All ratings alike and, `recent` times as much (2 unless the model's parameters say otherwise), those
-- given last, of which every ten later ones halve one: each sum over the root of how many it is made of. 14.4 ratings (10 / ln 2) are what a half-life of 10 adds
-- up to. Ratings of one time count alike; behind a hundred later ones nothing is left to halve.
CREATE OR REPLACE FUNCTION recency(parameters jsonb, later bigint, ratings bigint)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 1 / sqrt(ratings) + CASE WHEN later < 100
    THEN coalesce((parameters ->> 'recent')::double precision, 2) * power(0.5, later / 10.0)
         / sqrt(least(ratings, 14.4)) ELSE 0 END;

-- Makes the factors of some users of one model again from their ratings, or of all users; returns
-- how many have any.
CREATE OR REPLACE FUNCTION make_user_factors(
    model bigint, user_ids bigint[] DEFAULT NULL, profiles text[] DEFAULT NULL
) RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    made bigint;
BEGIN
    EXECUTE format($sql$
        INSERT INTO user_factors AS u (user_id, profile, model_id, factors, rating_count)
        SELECT t.user_id, t.profile, m.id, sum(scale(g.total, g.weight)), sum(g.films)
        FROM models m
        CROSS JOIN (%s) t
        CROSS JOIN LATERAL (
            SELECT w.weight, sum(f.factors_in) AS total, count(*) AS films
            FROM ratings_of(t.user_id, t.profile) r
            JOIN movie_factors f ON f.movie_id = r.movie_id AND f.model_id = m.id
            CROSS JOIN LATERAL (
                SELECT factor_weight(m.parameters, r.rating, r.middle)
                       * recency(m.parameters, r.later, r.ratings) AS weight
            ) w
            GROUP BY w.weight
        ) g
        WHERE m.id = $3
        GROUP BY t.user_id, t.profile, m.id
        ORDER BY t.user_id, t.profile
        ON CONFLICT (user_id, profile, model_id) DO UPDATE SET
            factors      = excluded.factors,
            rating_count = excluded.rating_count
    $sql$, CASE WHEN user_ids IS NULL THEN 'SELECT DISTINCT user_id, profile FROM ratings'
                ELSE 'SELECT * FROM unnest($1, $2) x (user_id, profile)' END)
    USING user_ids, profiles, model;
    GET DIAGNOSTICS made = ROW_COUNT;

    -- Nothing is kept of a user whose ratings were all taken back.
    DELETE FROM user_factors u
    WHERE u.model_id = model
      AND (user_ids IS NULL
           OR (u.user_id, u.profile) IN (SELECT * FROM unnest(user_ids, profiles)))
      AND NOT EXISTS (SELECT FROM ratings r JOIN movie_factors f USING (movie_id)
                      WHERE r.user_id = u.user_id AND r.profile = u.profile AND f.model_id = model);
    RETURN made;
END $$;

DROP TRIGGER IF EXISTS ratings_inserted_factors ON ratings;
DROP TRIGGER IF EXISTS ratings_updated_factors ON ratings;
DROP TRIGGER IF EXISTS ratings_deleted_factors ON ratings;
DROP FUNCTION IF EXISTS add_ratings_to_factors();

-- Makes every user's factors of one model again from the ratings; returns how many there are.
-- Writers of ratings wait meanwhile, readers do not.
CREATE OR REPLACE FUNCTION refresh_user_factors(model bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    LOCK TABLE ratings IN SHARE ROW EXCLUSIVE MODE;
    RETURN make_user_factors(model);
END $$;

-- Sums that another version made weigh ratings otherwise.
SELECT make_user_factors(id) FROM models WHERE kind = 'factors' AND state = 'active';

-- Makes one model the active one of its kind, with the weights of the blend that were tuned with
-- it; the one before is retired. All readers see the change at once, when it is committed.
CREATE OR REPLACE FUNCTION activate_model(model bigint) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    chosen models;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('palate'), hashtext('models'));
    SELECT * INTO STRICT chosen FROM models WHERE id = model;
    IF chosen.kind = 'factors' AND chosen.state <> 'active' THEN
        PERFORM refresh_user_factors(model);
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
    -- A user's factors of a model that is not active are made again when it is.
    DELETE FROM user_factors u USING models m
    WHERE m.id = u.model_id AND m.kind = chosen.kind AND m.state <> 'active';
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
