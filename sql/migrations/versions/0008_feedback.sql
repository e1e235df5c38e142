-- What people did with the films of an answer. Its id tells what answered, and by which ranking.
CREATE TABLE feedback (
    answer_id   text NOT NULL CHECK (answer_id ~ '^[a-z]+[.][a-z]+[.][A-Za-z0-9_-]{8,40}$'),
    movie_id    bigint NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('impression', 'click', 'play')),
    position    integer CHECK (position > 0),
    sources     text[] NOT NULL DEFAULT '{}',
    user_id     bigint,
    happened_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (answer_id, movie_id, kind)
);
CREATE INDEX feedback_happened_at ON feedback (happened_at);
CREATE INDEX feedback_user_id ON feedback (user_id) WHERE user_id IS NOT NULL;

-- Where a film can be watched: a service of a country, and its address there.
CREATE TABLE availability (
    movie_id bigint NOT NULL REFERENCES movies ON DELETE CASCADE,
    service  text NOT NULL CHECK (service ~ '^[a-z0-9_-]{1,40}$'),
    country  text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
    url      text NOT NULL CHECK (url ~ '^https://' AND length(url) <= 2000),
    PRIMARY KEY (movie_id, service, country)
);
