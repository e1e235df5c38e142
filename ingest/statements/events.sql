-- A file of events: COPY into a temporary table, checks in SQL, one INSERT; triggers do the rest.

-- name: create_staging
CREATE TEMP TABLE staging_events (
    line bigint NOT NULL, who text NOT NULL, type text NOT NULL, item_key text, title text,
    year integer, genre text, rating real, happened_at double precision, source text, event_id text,
    profile text NOT NULL, user_id bigint, movie_id bigint
) ON COMMIT DROP;

-- name: copy_events
COPY staging_events (line, who, type, item_key, title, year, genre, rating, happened_at, source, event_id, profile)
FROM STDIN;

-- name: find_movies
-- By the id they are called by, else by IMDb's, else by title and year, which may be one off, where
-- one film is nearest.
UPDATE staging_events s SET movie_id = coalesce(movie_named(k.item_key), (
    SELECT min(m.movie_id) FROM movies m
    WHERE k.item_key ~ '^tt[0-9]+$' AND ltrim(m.imdb_id, 't0') = ltrim(k.item_key, 't0')))
FROM (SELECT DISTINCT item_key FROM staging_events) k
WHERE k.item_key = s.item_key;
UPDATE staging_events s SET movie_id = near.movie_id
FROM (
    SELECT DISTINCT ON (e.line) e.line, n.movie_id,
           count(*) OVER (PARTITION BY e.line, coalesce(abs(e.year - n.year), (e.year IS NOT NULL)::integer)) AS equals
    FROM staging_events e
    JOIN (
        SELECT movie_id, lower(title) AS name, year FROM movies
        UNION SELECT movie_id, lower(other), year
        FROM movies CROSS JOIN unnest(string_to_array(original_title, ' / ')) other
    ) n ON n.name = lower(e.title) AND coalesce(abs(e.year - n.year), (e.year IS NOT NULL)::integer) <= 1
    ORDER BY e.line, coalesce(abs(e.year - n.year), (e.year IS NOT NULL)::integer)
) near
WHERE near.line = s.line AND near.equals = 1;

-- name: reject_unknown
DELETE FROM staging_events s
WHERE s.movie_id IS NULL AND coalesce(s.item_key, s.title) IS NOT NULL
RETURNING s.line,
          CASE WHEN s.item_key IS NOT NULL THEN format('film %s is unknown', s.item_key)
               ELSE format('no one film here is called %s', concat(s.title, ' (' || s.year || ')'))
          END AS reason,
          concat_ws(',', s.who, s.type, s.item_key, s.title, s.year) AS content;

-- name: reject_events
DELETE FROM staging_events s
USING (SELECT e.line, wrong_event(e.type, e.movie_id, e.genre, e.rating, to_timestamp(e.happened_at)) AS reason
       FROM staging_events e) w
WHERE w.line = s.line AND w.reason IS NOT NULL
RETURNING s.line, w.reason,
          concat_ws(',', s.who, s.type, s.movie_id, s.genre, s.rating, s.happened_at) AS content;

-- name: name_users
SELECT count(name_user(n.who)) FROM (
    SELECT DISTINCT s.who FROM staging_events s WHERE user_named(s.who) IS NULL ORDER BY s.who
) n;

-- name: find_users
UPDATE staging_events s SET user_id = n.user_id
FROM (SELECT d.who, user_named(d.who) AS user_id FROM (SELECT DISTINCT who FROM staging_events) d) n
WHERE n.who = s.who;

-- name: reject_others
-- Lines whose id another event has: one of before, or of an earlier line.
DELETE FROM staging_events s
USING (
    SELECT e.line
    FROM (SELECT *, first_value(line) OVER (PARTITION BY user_id, event_id ORDER BY line) AS first
          FROM staging_events WHERE event_id IS NOT NULL) e
    JOIN staging_events f ON f.line = e.first
    LEFT JOIN events k ON k.user_id = e.user_id AND k.event_id = e.event_id
    CROSS JOIN LATERAL (
        SELECT k.type, k.movie_id, k.genre, k.rating, k.profile, k.happened_at WHERE k.event_id IS NOT NULL
        UNION ALL
        SELECT f.type, f.movie_id, f.genre, f.rating, f.profile, to_timestamp(f.happened_at)
        WHERE k.event_id IS NULL) o
    WHERE (e.type, e.movie_id, e.genre, e.rating, e.profile)
          IS DISTINCT FROM (o.type, o.movie_id, o.genre, o.rating, o.profile)
       OR to_timestamp(e.happened_at) <> o.happened_at) w
WHERE w.line = s.line
RETURNING s.line, format('another event has the id %L', s.event_id) AS reason,
          concat_ws(',', s.who, s.type, s.movie_id, s.genre, s.rating, s.happened_at) AS content;

-- name: insert_events
INSERT INTO events (user_id, event_id, profile, type, movie_id, genre, rating, happened_at, source)
SELECT s.user_id,
       coalesce(s.event_id, CASE
           WHEN s.happened_at IS NULL THEN gen_random_uuid()::text
           ELSE event_key(s.profile, s.type, s.movie_id, s.genre, s.rating, to_timestamp(s.happened_at))
       END),
       s.profile, s.type, s.movie_id, s.genre, s.rating, coalesce(to_timestamp(s.happened_at), now()),
       s.source
FROM staging_events s
ORDER BY s.user_id, s.line
ON CONFLICT (user_id, event_id) DO NOTHING;

-- name: analyze
ANALYZE events;
