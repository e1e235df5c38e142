-- name: synonyms
SELECT phrase, other, both_ways FROM synonyms ORDER BY phrase, other;

-- name: pins
SELECT query, movie_id, place FROM pins ORDER BY query, place NULLS LAST, movie_id;

-- name: known
SELECT movie_id FROM movies WHERE movie_id = ANY(CAST(:ids AS bigint[]));

-- name: clear_synonyms
DELETE FROM synonyms;

-- name: clear_pins
DELETE FROM pins;

-- name: add_synonym
INSERT INTO synonyms (phrase, other, both_ways) VALUES (:phrase, :other, :both_ways);

-- name: add_pin
INSERT INTO pins (query, movie_id, place) VALUES (:query, :movie_id, :place);
