-- Vectors have as many numbers as their model gives: one set is in use, others wait beside it. Without
-- a limit in their type columns need not be written again, neither here nor when another set is used.
-- The index is made again behind this, by index_vectors().
DROP INDEX IF EXISTS movie_vectors_content;
DROP TRIGGER IF EXISTS users_taste ON users;  -- it names a column; functions/10_profiles.sql has it
ALTER TABLE movies ALTER COLUMN embedding TYPE vector;
-- As before in the row, but for the longest, where a page would not hold it.
ALTER TABLE movies ALTER COLUMN embedding SET STORAGE MAIN;
ALTER TABLE movie_vectors ALTER COLUMN content TYPE vector;
ALTER TABLE movie_vectors ALTER COLUMN content SET STORAGE PLAIN;
ALTER TABLE users ALTER COLUMN embedding TYPE vector, ALTER COLUMN embedding_sum TYPE vector;

-- The set in use. 2000 numbers are what an index takes.
ALTER TABLE embedding_model
    DROP CONSTRAINT embedding_model_dimension_check,
    ALTER COLUMN mean TYPE vector,
    ADD COLUMN set_name text NOT NULL DEFAULT 'main' CHECK (set_name ~ '^[a-z0-9_-]{1,40}$'),
    ADD CHECK (dimension BETWEEN 1 AND 2000 AND vector_dims(mean) = dimension);

CREATE TABLE embedding_sets (
    set_name  text PRIMARY KEY CHECK (set_name ~ '^[a-z0-9_-]{1,40}$'),
    name      text NOT NULL,
    dimension integer NOT NULL CHECK (dimension BETWEEN 1 AND 2000),
    loaded_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE embedding_vectors (
    movie_id  bigint NOT NULL REFERENCES movies ON DELETE CASCADE,
    set_name  text NOT NULL REFERENCES embedding_sets ON DELETE CASCADE,
    embedding vector NOT NULL,
    PRIMARY KEY (movie_id, set_name)
);
