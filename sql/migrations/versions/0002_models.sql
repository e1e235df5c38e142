-- What was learned from ratings. Several models live side by side; one of each kind is active.
--   factors: two vectors a film (movie_factors), from which every user's is made (user_factors)
--   order:   a learned order of candidates, as text (body)

CREATE TABLE models (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         text NOT NULL CHECK (kind IN ('factors', 'order')),
    name         text NOT NULL CHECK (name ~ '^[a-z0-9_-]{1,40}$'),
    version      integer NOT NULL CHECK (version > 0),
    state        text NOT NULL DEFAULT 'candidate'
                 CHECK (state IN ('candidate', 'active', 'retired')),
    parameters   jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(parameters) = 'object'),
    metrics      jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metrics) = 'object'),
    fingerprint  text,   -- of the ratings it learned from
    weights      jsonb CHECK (jsonb_typeof(weights) = 'object'),  -- of the blend, tuned with it
    body         text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    activated_at timestamptz,
    UNIQUE (kind, name, version)
);
CREATE UNIQUE INDEX models_active ON models (kind) WHERE state = 'active';

-- Without a fixed dimension, so that a model of another rank needs no migration.
CREATE TABLE movie_factors (
    movie_id    bigint NOT NULL,
    model_id    bigint NOT NULL REFERENCES models ON DELETE CASCADE,
    factors_in  vector NOT NULL,
    factors_out vector NOT NULL,
    PRIMARY KEY (movie_id, model_id)
);
-- Every candidate's are read: keep them in the row.
ALTER TABLE movie_factors ALTER COLUMN factors_in SET STORAGE MAIN,
                          ALTER COLUMN factors_out SET STORAGE MAIN;

-- The sum of rating weight times factors_in over the films a user rated: kept by the triggers on
-- ratings for the active model. rating_count counts the ratings in it.
CREATE TABLE user_factors (
    user_id      bigint NOT NULL,
    profile      text NOT NULL,
    model_id     bigint NOT NULL REFERENCES models ON DELETE CASCADE,
    factors      vector NOT NULL,
    rating_count integer NOT NULL,
    PRIMARY KEY (user_id, profile, model_id)
);
ALTER TABLE user_factors ALTER COLUMN factors SET STORAGE MAIN;
