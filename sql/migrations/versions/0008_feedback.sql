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

-- The weights of recommendations: one row, overridden a call. NULL: as in `blend`.
CREATE TABLE mixer (
    only_one      boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    content       double precision CHECK (content BETWEEN 0 AND 100),
    collaborative double precision CHECK (collaborative BETWEEN 0 AND 100),
    popularity    double precision CHECK (popularity BETWEEN 0 AND 100),
    trending      double precision NOT NULL DEFAULT 0.1 CHECK (trending BETWEEN 0 AND 100),
    vote          double precision NOT NULL DEFAULT 0 CHECK (vote BETWEEN 0 AND 100),
    novelty       double precision NOT NULL DEFAULT 0 CHECK (novelty BETWEEN 0 AND 100),
    alike         double precision NOT NULL DEFAULT 0.5 CHECK (alike BETWEEN 0 AND 100),
    bm25          double precision NOT NULL DEFAULT 0.5 CHECK (bm25 BETWEEN 0 AND 100)
);
INSERT INTO mixer DEFAULT VALUES;

-- Films that more people took up in the last week than in a week of the month before: ln of how many
-- times as many. Whoever does several things with a film counts once; synthetic users do not.
CREATE MATERIALIZED VIEW movie_trends AS
WITH taken_up AS (
    SELECT e.movie_id, e.user_id::text AS who, e.happened_at FROM events e
    WHERE e.type IN ('watched', 'liked', 'saved', 'clicked') AND e.happened_at > now() - interval '35 days'
      AND NOT EXISTS (SELECT FROM users u WHERE u.user_id = e.user_id AND u.synthetic)
    UNION ALL
    SELECT r.movie_id, r.user_id::text, r.rated_at FROM ratings r
    WHERE r.rated_at > now() - interval '35 days'
      AND NOT EXISTS (SELECT FROM users u WHERE u.user_id = r.user_id AND u.synthetic)
    UNION ALL
    SELECT f.movie_id, coalesce(f.user_id::text, f.answer_id), f.happened_at FROM feedback f
    WHERE f.kind IN ('click', 'play') AND f.happened_at > now() - interval '35 days'
), counted AS (
    SELECT t.movie_id,
           count(DISTINCT t.who) FILTER (WHERE t.happened_at > now() - interval '7 days') AS lately,
           count(DISTINCT t.who) FILTER (WHERE t.happened_at <= now() - interval '7 days') AS before
    FROM taken_up t WHERE t.happened_at < now() + interval '1 day' GROUP BY t.movie_id
)
SELECT c.movie_id, ln((c.lately + 1) / (c.before / 4.0 + 1))::double precision AS trending
FROM counted c
WHERE c.lately >= 3 AND c.lately > c.before / 4.0;
CREATE UNIQUE INDEX movie_trends_movie_id ON movie_trends (movie_id);
