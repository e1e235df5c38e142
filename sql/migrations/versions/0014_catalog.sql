-- Films that come and go one by one.
ALTER TABLE movies ADD COLUMN added_at timestamptz NOT NULL DEFAULT now();

-- What was said of films that were deleted, until they come back: rows of events, ratings and tags.
CREATE TABLE kept_history (
    movie_id bigint NOT NULL,
    user_id  bigint NOT NULL,
    kind     text NOT NULL CHECK (kind IN ('events', 'ratings', 'tags')),
    content  jsonb NOT NULL
);
CREATE INDEX kept_history_movie_id ON kept_history (movie_id);
CREATE INDEX kept_history_user_id ON kept_history (user_id);

-- Files of films or ratings that were sent, and what became of their lines so far.
CREATE TABLE bulk_jobs (
    job_id        text PRIMARY KEY CHECK (job_id ~ '^[A-Za-z0-9_.-]{1,64}$'),
    kind          text NOT NULL CHECK (kind IN ('movies', 'ratings')),
    state         text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'stopped')),
    lines         bigint NOT NULL DEFAULT 0,
    outcomes      jsonb NOT NULL DEFAULT '{}',
    refused_lines jsonb NOT NULL DEFAULT '[]',
    started_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX bulk_jobs_updated_at ON bulk_jobs (updated_at);
