-- Factors that executors write, each its own films, before they become a model in one statement.

-- name: create_stage
CREATE UNLOGGED TABLE {schema}.factors (
    movie_id    bigint NOT NULL,
    model_id    bigint NOT NULL,
    factors_in  vector NOT NULL,
    factors_out vector NOT NULL
);

-- name: copy_stage
COPY {schema}.factors (movie_id, model_id, factors_in, factors_out) FROM STDIN (FORMAT binary);
