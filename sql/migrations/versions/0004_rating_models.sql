-- A third kind of model:
--   ratings: what stars a user would give a film. Of each film in movie_factors
--            factors_in   1 and its factors: what a user's bias and factors are multiplied by
--            factors_out  the stars anybody is expected to give it, and how many it learned from
--            and in body, as JSON, the ridge of a user's regression and the intervals.
ALTER TABLE models
    DROP CONSTRAINT models_kind_check,
    ADD CONSTRAINT models_kind_check CHECK (kind IN ('factors', 'order', 'ratings'));
