-- Films, ratings, people, and what search and profiles need to know about them.

-- Films are called It, Up, Her, Us and Them!: a stemmer without a stop list.
CREATE TEXT SEARCH DICTIONARY palate_stem (TEMPLATE = snowball, LANGUAGE = english);
CREATE TEXT SEARCH CONFIGURATION palate (PARSER = "default");
ALTER TEXT SEARCH CONFIGURATION palate
    ADD MAPPING FOR asciiword, word, numword, int, uint, float, sfloat, version
    WITH palate_stem;

CREATE TABLE movies (
    movie_id        bigint PRIMARY KEY CHECK (movie_id >= 0),
    title           text NOT NULL CHECK (title <> ''),
    original_title  text,
    year            integer CHECK (year BETWEEN 1870 AND 2200),
    imdb_id         text,
    tmdb_id         bigint CHECK (tmdb_id >= 0),
    genres          text[] NOT NULL DEFAULT '{}',
    overview        text,
    runtime_minutes integer CHECK (runtime_minutes BETWEEN 1 AND 6000),
    release_date    date,
    director        text,
    actors          text[] NOT NULL DEFAULT '{}',
    keywords        text[] NOT NULL DEFAULT '{}',
    budget          bigint CHECK (budget >= 0),
    revenue         bigint CHECK (revenue >= 0),
    poster_url      text,
    -- Copies of movie_stats, so that they can be searched; written only when they change.
    avg_rating      double precision CHECK (avg_rating BETWEEN 0.5 AND 5),
    rating_count    integer NOT NULL DEFAULT 0 CHECK (rating_count >= 0),
    embedding       vector(384)
);
-- The cosine reads the embedding of every candidate: keep it in the row, move long texts out.
ALTER TABLE movies ALTER COLUMN embedding SET STORAGE PLAIN;

CREATE TABLE users (
    user_id       bigint NOT NULL CHECK (user_id >= 0),
    profile       text NOT NULL DEFAULT 'main' CHECK (profile ~ '^[a-z0-9_-]{1,40}$'),
    embedding     vector(384),
    embedding_sum vector(384),
    weight_sum    double precision NOT NULL DEFAULT 0,
    rating_count  integer NOT NULL DEFAULT 0,
    synthetic     boolean NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, profile)
);

CREATE TABLE ratings (
    user_id  bigint NOT NULL CHECK (user_id >= 0),
    profile  text NOT NULL DEFAULT 'main' CHECK (profile ~ '^[a-z0-9_-]{1,40}$'),
    movie_id bigint NOT NULL REFERENCES movies,
    rating   real NOT NULL CHECK (rating BETWEEN 0.5 AND 5),
    rated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, profile, movie_id)
);
CREATE INDEX ratings_movie_id ON ratings (movie_id);

CREATE TABLE tags (
    user_id   bigint NOT NULL CHECK (user_id >= 0),
    movie_id  bigint NOT NULL REFERENCES movies,
    tag       text NOT NULL CHECK (tag <> ''),
    tagged_at timestamptz,
    PRIMARY KEY (user_id, movie_id, tag)
);
CREATE INDEX tags_movie_id ON tags (movie_id);

-- What was loaded: one source a database.
CREATE TABLE sources (
    name      text PRIMARY KEY,
    only_one  boolean NOT NULL DEFAULT true UNIQUE CHECK (only_one),
    location  text,
    movies    bigint NOT NULL,
    ratings   bigint NOT NULL,
    tags      bigint NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT now()
);

-- The model that made every movies.embedding, and the catalog mean that profiles are centred on.
CREATE TABLE embedding_model (
    only_one   boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    name       text NOT NULL,
    dimension  integer NOT NULL CHECK (dimension = 384),
    mean       vector(384) NOT NULL,
    loaded_at  timestamptz NOT NULL DEFAULT now()
);

-- Optional half-life of a rating's weight. Weights are relative to reference_time.
CREATE TABLE profile_settings (
    only_one       boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    half_life_days double precision CHECK (half_life_days > 0),
    reference_time timestamptz NOT NULL DEFAULT now()
);
INSERT INTO profile_settings DEFAULT VALUES;

-- The weights of the blend: one row, overridden a call, tuned by measurement.
CREATE TABLE blend (
    only_one      boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    bm25          double precision NOT NULL DEFAULT 0.3 CHECK (bm25 BETWEEN 0 AND 100),
    semantic      double precision NOT NULL DEFAULT 0.3 CHECK (semantic BETWEEN 0 AND 100),
    content       double precision NOT NULL DEFAULT 0.5 CHECK (content BETWEEN 0 AND 100),
    collaborative double precision NOT NULL DEFAULT 0 CHECK (collaborative BETWEEN 0 AND 100),
    popularity    double precision NOT NULL DEFAULT 0.2 CHECK (popularity BETWEEN 0 AND 100)
);
INSERT INTO blend DEFAULT VALUES;

-- People's ratings a film. Synthetic users count in no statistic. popularity is ln(1 + ratings),
-- each rating halved for every two years between it and the newest one.
CREATE MATERIALIZED VIEW movie_stats AS
WITH counted AS (
    SELECT r.movie_id, r.rating, r.rated_at, max(r.rated_at) OVER () AS newest
    FROM ratings r JOIN users u USING (user_id, profile)
    WHERE NOT u.synthetic
)
SELECT m.movie_id,
       count(c.rating)::integer AS rating_count,
       round(avg(c.rating)::numeric, 2)::double precision AS avg_rating,
       ln(1 + coalesce(sum(power(0.5,
           extract(epoch FROM c.newest - c.rated_at)::double precision / 63115200)), 0)) AS popularity
FROM movies m
LEFT JOIN counted c USING (movie_id)
GROUP BY m.movie_id;
CREATE UNIQUE INDEX movie_stats_movie_id ON movie_stats (movie_id);

-- Which text of each repeatable migration (functions) was last applied.
CREATE TABLE repeatable_migrations (
    name       text PRIMARY KEY,
    checksum   text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
