-- What an operator says of searches: synonyms, and films that a query shows first or never.
-- `palate rules` and PUT /v1/rules write them as a whole.

-- Words or phrases, as title_words() makes them. `other` is searched for where `phrase` is typed;
-- the other way round only where `both_ways`.
CREATE TABLE IF NOT EXISTS synonyms (
    phrase    text NOT NULL CHECK (phrase <> ''),
    other     text NOT NULL CHECK (other <> '' AND other <> phrase),
    both_ways boolean NOT NULL DEFAULT true,
    PRIMARY KEY (phrase, other)
);

-- `query` is what title_words() makes of what is typed. Without a place the film is hidden.
CREATE TABLE IF NOT EXISTS pins (
    query    text NOT NULL CHECK (query <> ''),
    movie_id bigint NOT NULL,
    place    integer CHECK (place > 0),
    PRIMARY KEY (query, movie_id)
);
