-- name: synonyms
SELECT phrase, other, both_ways FROM synonyms ORDER BY phrase, other;

-- name: pins
SELECT query, movie_id, place FROM pins ORDER BY query, place NULLS LAST, movie_id;

-- name: known
SELECT i.id, m.movie_id FROM unnest(CAST(:ids AS text[])) i (id)
JOIN movies m ON m.movie_id = movie_named(i.id);

-- name: clear_synonyms
DELETE FROM synonyms;

-- name: clear_pins
DELETE FROM pins;

-- name: add_synonym
INSERT INTO synonyms (phrase, other, both_ways) VALUES (:phrase, :other, :both_ways);

-- name: add_pin
INSERT INTO pins (query, movie_id, place) VALUES (:query, :movie_id, :place);
