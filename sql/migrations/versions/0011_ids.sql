-- The id of a film where it came from, where that is no number: tt0111161, an ASIN, a UUID.
-- movie_id is then one of Palate's own, from 2^52 on: beyond what a system's own hardly reach, and
-- whole in JavaScript.
ALTER TABLE movies ADD COLUMN item_id text CHECK (item_id <> '') UNIQUE;
