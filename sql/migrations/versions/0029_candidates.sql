-- What search() reads of each candidate for a person: one look-up instead of three. Copies, each of
-- which tells what it is a copy of, so that one that is out of date is not used; see functions/27_vectors.sql.
CREATE TABLE candidate_features (
    movie_id      bigint PRIMARY KEY,
    stats_version bigint NOT NULL,
    popularity    double precision,
    content       vector,
    model_id      bigint,
    factors       vector
);
-- In the row, up to a whole page.
ALTER TABLE candidate_features ALTER COLUMN content SET STORAGE PLAIN, ALTER COLUMN factors SET STORAGE PLAIN;

-- Counts up with each refresh of movie_stats, in its transaction.
CREATE TABLE stats_version (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    version  bigint NOT NULL
);
INSERT INTO stats_version (version) VALUES (1);
