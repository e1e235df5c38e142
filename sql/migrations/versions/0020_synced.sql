-- When a service was last asked about a film, in which language and country: what a sync goes on from.
CREATE TABLE synced (
    movie_id  bigint NOT NULL REFERENCES movies ON DELETE CASCADE,
    service   text NOT NULL CHECK (service IN ('tmdb', 'justwatch')),
    locale    text NOT NULL CHECK (locale ~ '^[a-z]{2}_[A-Z]{2}$'),
    synced_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (movie_id, service, locale)
);
-- Which service told of it; NULL: the operator, whose rows no sync touches.
ALTER TABLE availability ADD COLUMN told_by text;
