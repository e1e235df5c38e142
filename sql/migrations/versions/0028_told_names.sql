-- What TMDB says that a name means that the catalog does not have: films by their ids there and people,
-- the likeliest first.
CREATE TABLE told_names (
    name    text NOT NULL CHECK (length(name) <= 200),
    locale  text NOT NULL CHECK (locale ~ '^[a-z]{2}_[A-Z]{2}$'),
    meant   jsonb NOT NULL,
    told_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, locale)
);

-- Films of a genre are found without reading all films.
CREATE INDEX movies_genres ON movies USING gin (genres);
