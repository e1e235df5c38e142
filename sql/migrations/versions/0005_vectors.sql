-- What nearness is measured by, in tables that hold nothing else, so that a candidate costs one short
-- look-up and an index on them is written only when vectors change. See functions/27_vectors.sql.

-- The text embeddings of films without the catalog mean, of length 1.
CREATE TABLE movie_vectors (
    movie_id bigint PRIMARY KEY,
    content  vector(384) NOT NULL
);
ALTER TABLE movie_vectors ALTER COLUMN content SET STORAGE PLAIN;

-- The films' factors of the active model, made equally long.
CREATE TABLE movie_directions (
    movie_id  bigint PRIMARY KEY,
    model_id  bigint NOT NULL REFERENCES models ON DELETE CASCADE,
    direction vector(256) NOT NULL
);
ALTER TABLE movie_directions ALTER COLUMN direction SET STORAGE PLAIN;

CREATE INDEX movie_stats_popularity ON movie_stats (popularity DESC, movie_id);
