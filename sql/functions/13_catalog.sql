-- Films written and deleted one by one or many at a time, by whatever keeps the catalog in step with
-- a system of its own; and ratings of many users at once.

-- Writes films, each an object with `movie_id`, as movie_named() has it, and what is to be set: what it
-- does not name stays, null clears, of `own` field by field. A new film whose id is no number is kept
-- under the next number. No film may come twice. Says of each whether it is `created`, `updated`,
-- `unchanged`, or `refused` since it is new and has no title.
CREATE OR REPLACE FUNCTION write_movies(films jsonb)
RETURNS TABLE (line bigint, movie_id bigint, outcome text)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
#variable_conflict use_column
BEGIN
    IF EXISTS (SELECT FROM jsonb_array_elements(films) f WHERE movie_named(f ->> 'movie_id') IS NULL) THEN
        -- Who gives numbers does so alone: a load, too.
        PERFORM pg_advisory_xact_lock(hashtext('palate'), hashtext('films'));
    END IF;
    PERFORM FROM movies m
    WHERE m.movie_id IN (SELECT movie_named(f ->> 'movie_id') FROM jsonb_array_elements(films) f)
    ORDER BY m.movie_id FOR UPDATE;
    RETURN QUERY
    WITH named AS MATERIALIZED (
        SELECT l.line, l.film, l.film ->> 'movie_id' AS id, coalesce(
                   n.movie_id, next_number() - 1 + row_number() OVER (PARTITION BY n.movie_id IS NULL ORDER BY l.line)
               ) AS movie_id
        FROM jsonb_array_elements(films) WITH ORDINALITY l (film, line)
        CROSS JOIN LATERAL movie_named(l.film ->> 'movie_id') n (movie_id)
    ), sent AS MATERIALIZED (
        SELECT n.line, m.movie_id IS NOT NULL AS known, nullif(n.id, n.movie_id::text) AS called, f.*,
               jsonb_strip_nulls(coalesce(m.own, '{}') || coalesce(n.film -> 'own', '{}')) AS said
        FROM named n
        LEFT JOIN movies m USING (movie_id)
        CROSS JOIN LATERAL jsonb_populate_record(m, n.film || jsonb_build_object('movie_id', n.movie_id)) f
    ), written AS (
        INSERT INTO movies AS m (
            movie_id, item_id, title, original_title, year, imdb_id, tmdb_id, genres, overview,
            runtime_minutes, release_date, director, actors, keywords, budget, revenue, poster_url,
            embedding, own)
        SELECT s.movie_id, s.called, s.title, s.original_title, s.year, s.imdb_id, s.tmdb_id,
               coalesce(s.genres, '{}'), s.overview, s.runtime_minutes, s.release_date, s.director,
               coalesce(s.actors, '{}'), coalesce(s.keywords, '{}'), s.budget, s.revenue,
               s.poster_url, s.embedding, s.said
        FROM sent s WHERE s.title IS NOT NULL
        ORDER BY s.movie_id
        ON CONFLICT (movie_id) DO UPDATE SET (
            title, original_title, year, imdb_id, tmdb_id, genres, overview, runtime_minutes,
            release_date, director, actors, keywords, budget, revenue, poster_url, embedding,
            own
        ) = ROW (
            excluded.title, excluded.original_title, excluded.year, excluded.imdb_id,
            excluded.tmdb_id, excluded.genres, excluded.overview, excluded.runtime_minutes,
            excluded.release_date, excluded.director, excluded.actors, excluded.keywords,
            excluded.budget, excluded.revenue, excluded.poster_url, excluded.embedding, excluded.own)
        WHERE (
            m.title, m.original_title, m.year, m.imdb_id, m.tmdb_id, m.genres, m.overview,
            m.runtime_minutes, m.release_date, m.director, m.actors, m.keywords, m.budget,
            m.revenue, m.poster_url, m.embedding, m.own
        ) IS DISTINCT FROM (
            excluded.title, excluded.original_title, excluded.year, excluded.imdb_id,
            excluded.tmdb_id, excluded.genres, excluded.overview, excluded.runtime_minutes,
            excluded.release_date, excluded.director, excluded.actors, excluded.keywords,
            excluded.budget, excluded.revenue, excluded.poster_url, excluded.embedding, excluded.own)
        RETURNING m.movie_id
    )
    SELECT s.line, s.movie_id, CASE WHEN s.title IS NULL THEN 'refused'
                                    WHEN w.movie_id IS NULL THEN 'unchanged'
                                    WHEN s.known THEN 'updated' ELSE 'created' END
    FROM sent s LEFT JOIN written w USING (movie_id)
    ORDER BY s.line;
END $$;

-- The number of the next film whose id is none: beyond what a system's own hardly reach, and behind all
-- that films have, deleted ones too.
CREATE OR REPLACE FUNCTION next_number() RETURNS bigint
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
SELECT 1 + greatest((SELECT max(movie_id) FROM movies), (SELECT max(movie_id) FROM kept_history), 4503599627370495)
$$;

-- Deletes a film, and what people said of it: for good, or kept until the film comes back. Counts what
-- that was; of a film that is gone already only what was kept can be deleted.
CREATE OR REPLACE FUNCTION delete_movie(movie bigint, keep boolean)
RETURNS TABLE (was_there boolean, ratings bigint, events bigint, tags bigint)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    called text;
BEGIN
    -- In the order in which whoever writes an event takes them; who rates the film now waits.
    LOCK TABLE ratings, events IN ROW EXCLUSIVE MODE;
    SELECT m.item_id INTO called FROM movies m WHERE m.movie_id = movie FOR UPDATE;
    was_there := FOUND;
    IF keep THEN
        INSERT INTO kept_history (movie_id, item_id, user_id, kind, content)
        SELECT movie, called, r.user_id, 'ratings', to_jsonb(r) FROM ratings r WHERE r.movie_id = movie
        UNION ALL
        SELECT movie, called, e.user_id, 'events', to_jsonb(e) FROM events e WHERE e.movie_id = movie
        UNION ALL
        SELECT movie, called, t.user_id, 'tags', to_jsonb(t) FROM tags t WHERE t.movie_id = movie;
    END IF;
    SELECT count(*) FILTER (WHERE k.kind = 'ratings'), count(*) FILTER (WHERE k.kind = 'events'),
           count(*) FILTER (WHERE k.kind = 'tags') INTO ratings, events, tags
    FROM kept_history k WHERE k.movie_id = movie;
    IF NOT keep THEN
        ratings := ratings + (SELECT count(*) FROM ratings r WHERE r.movie_id = movie);
        events := events + (SELECT count(*) FROM events e WHERE e.movie_id = movie);
        tags := tags + (SELECT count(*) FROM tags t WHERE t.movie_id = movie);
        DELETE FROM kept_history k WHERE k.movie_id = movie;
        was_there := was_there OR FOUND;
    END IF;
    DELETE FROM events e WHERE e.movie_id = movie;
    DELETE FROM ratings r WHERE r.movie_id = movie;
    DELETE FROM tags t WHERE t.movie_id = movie;
    DELETE FROM movies m WHERE m.movie_id = movie;
    RETURN NEXT;
END $$;

-- A film that comes back finds what people said of it.
CREATE OR REPLACE FUNCTION bring_back_history() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM kept_history k JOIN new_movies n USING (movie_id)) THEN
        RETURN NULL;
    END IF;
    INSERT INTO ratings
    SELECT f.* FROM kept_history k JOIN new_movies n USING (movie_id)
    CROSS JOIN LATERAL jsonb_populate_record(NULL::ratings, k.content) f
    WHERE k.kind = 'ratings' ORDER BY f.user_id, f.profile ON CONFLICT DO NOTHING;
    INSERT INTO events
    SELECT f.* FROM kept_history k JOIN new_movies n USING (movie_id)
    CROSS JOIN LATERAL jsonb_populate_record(NULL::events, k.content) f
    WHERE k.kind = 'events' ORDER BY f.user_id, f.event_id ON CONFLICT DO NOTHING;
    INSERT INTO tags
    SELECT f.* FROM kept_history k JOIN new_movies n USING (movie_id)
    CROSS JOIN LATERAL jsonb_populate_record(NULL::tags, k.content) f
    WHERE k.kind = 'tags' ON CONFLICT DO NOTHING;
    DELETE FROM kept_history k USING new_movies n WHERE k.movie_id = n.movie_id;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER movies_kept_history AFTER INSERT ON movies
    REFERENCING NEW TABLE AS new_movies
    FOR EACH STATEMENT EXECUTE FUNCTION bring_back_history();

-- Writes ratings of many users, each an object {user_id, profile, movie_id (as movie_named() has it),
-- rating, rated_at}; without stars one is taken back. No user may rate a film twice. What was rated last counts. Says of each
-- whether it is `accepted`, `known`: nothing changed, or `refused` and why.
CREATE OR REPLACE FUNCTION write_ratings(sent jsonb)
RETURNS TABLE (line bigint, outcome text, reason text)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
#variable_conflict use_column
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('palate user', u.user_id))
    FROM (SELECT DISTINCT (s ->> 'user_id')::bigint AS user_id FROM jsonb_array_elements(sent) s
          ORDER BY 1) u;
    RETURN QUERY
    WITH given AS MATERIALIZED (
        SELECT l.line, r.user_id, r.profile, m.movie_id, r.rating, r.rated_at, CASE
                   WHEN m.movie_id IS NULL THEN format('film %s is unknown', r.movie_id)
                   WHEN r.rated_at > now() + interval '1 day' THEN 'its time is in the future'
                   WHEN r.rated_at < '0001-01-02 00:00+00' THEN 'its time is before the year 1'
               END AS wrong
        FROM jsonb_array_elements(sent) WITH ORDINALITY l (rating, line)
        CROSS JOIN jsonb_to_record(l.rating) r (
            user_id bigint, profile text, movie_id text, rating real, rated_at timestamptz)
        LEFT JOIN movies m ON m.movie_id = movie_named(r.movie_id)
    ), taken_back AS (
        DELETE FROM ratings r USING given g
        WHERE g.wrong IS NULL AND g.rating IS NULL
          AND (r.user_id, r.profile, r.movie_id) = (g.user_id, g.profile, g.movie_id)
        RETURNING r.user_id, r.profile, r.movie_id
    ), rated AS (
        INSERT INTO ratings AS r (user_id, profile, movie_id, rating, rated_at)
        SELECT g.user_id, g.profile, g.movie_id, g.rating, coalesce(g.rated_at, now())
        FROM given g WHERE g.wrong IS NULL AND g.rating IS NOT NULL
        ORDER BY g.user_id, g.profile, g.movie_id
        ON CONFLICT (user_id, profile, movie_id) DO UPDATE
        SET rating = excluded.rating, rated_at = excluded.rated_at
        -- The same rating again without a time is the same rating, since when it was.
        WHERE r.rating <> excluded.rating AND r.rated_at <= excluded.rated_at
           OR r.rated_at < excluded.rated_at AND excluded.rated_at <> now()
        RETURNING r.user_id, r.profile, r.movie_id
    )
    SELECT g.line, CASE WHEN g.wrong IS NOT NULL THEN 'refused'
                        WHEN w.user_id IS NULL THEN 'known' ELSE 'accepted' END, g.wrong
    FROM given g
    LEFT JOIN (SELECT * FROM taken_back UNION ALL SELECT * FROM rated) w USING (user_id, profile, movie_id)
    ORDER BY g.line;
END $$;
