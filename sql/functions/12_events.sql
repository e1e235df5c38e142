-- Events: what people do beside rating. Whoever writes to `events`, by whatever way, triggers do the
-- rest: taste is made again, as by ratings, and an event `rated` is written to `ratings`.

-- In the order in which an event takes them, lest an event and a migration wait for each other.
LOCK TABLE ratings, events, users IN SHARE ROW EXCLUSIVE MODE;

-- The number that a text of digits is; NULL: it is none, or none that fits. 007 is none: whoever writes
-- zeros may mean another than 7.
CREATE OR REPLACE FUNCTION number_of(digits text) RETURNS bigint
LANGUAGE sql IMMUTABLE BEGIN ATOMIC
SELECT CASE WHEN $1 ~ '^(0|[1-9][0-9]{0,17})$' THEN $1::bigint
            WHEN $1 ~ '^[1-9][0-9]+$' THEN nullif(least($1::numeric, 9223372036854775808), 9223372036854775808)::bigint END;
END;

-- The user of this name, or of this number; NULL: nobody yet.
CREATE OR REPLACE FUNCTION user_named(name text) RETURNS bigint
LANGUAGE sql STABLE BEGIN ATOMIC
SELECT CASE WHEN $1 ~ '^(0|[1-9][0-9]*)$' THEN number_of($1)
            ELSE (SELECT n.user_id FROM user_names n WHERE n.name = $1) END;
END;

-- The film of this id: that of its own catalog, a deleted film's too while something is kept of it; else
-- of this number. NULL: no film yet.
CREATE OR REPLACE FUNCTION movie_named(id text) RETURNS bigint
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
SELECT coalesce((SELECT m.movie_id FROM movies m WHERE m.item_id = $1),
                (SELECT k.movie_id FROM kept_history k WHERE k.item_id = $1 LIMIT 1), number_of($1))
$$;

-- The same, where nobody yet a new one.
CREATE OR REPLACE FUNCTION name_user(name text) RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF user_named($1) IS NULL THEN
        LOOP
            INSERT INTO user_names (name) VALUES ($1) ON CONFLICT DO NOTHING;
            -- A number that somebody else has already is passed over.
            DELETE FROM user_names n WHERE n.name = $1
               AND EXISTS (SELECT FROM users u WHERE u.user_id = n.user_id);
            EXIT WHEN user_named($1) IS NOT NULL;
        END LOOP;
    END IF;
    RETURN user_named($1);
END $$;

-- A genre is told of by the ten films of it that were rated most.
CREATE OR REPLACE FUNCTION stand_in() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    NEW.stand_ins := ARRAY(
        SELECT m.movie_id FROM movies m WHERE m.genres @> ARRAY[NEW.genre]
        ORDER BY m.rating_count DESC, m.movie_id LIMIT 10);
    IF NEW.stand_ins = '{}' THEN
        RAISE check_violation USING MESSAGE = format('no film is of the genre %L', NEW.genre);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER events_stand_ins BEFORE INSERT ON events
    FOR EACH ROW WHEN (NEW.genre IS NOT NULL) EXECUTE FUNCTION stand_in();

-- What was rated last counts.
CREATE OR REPLACE FUNCTION write_rated() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO ratings AS r (user_id, profile, movie_id, rating, rated_at)
    SELECT DISTINCT ON (e.user_id, e.profile, e.movie_id)
           e.user_id, e.profile, e.movie_id, e.rating, e.happened_at
    FROM new_ratings e WHERE e.type = 'rated'
    ORDER BY e.user_id, e.profile, e.movie_id, e.happened_at DESC, e.event_id DESC
    ON CONFLICT (user_id, profile, movie_id) DO UPDATE
    SET rating = excluded.rating, rated_at = excluded.rated_at
    WHERE r.rated_at <= excluded.rated_at;
    RETURN NULL;
END $$;

-- An event `rated` that is taken back gives way to the one before it.
CREATE OR REPLACE FUNCTION take_back_rated() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM old_ratings o WHERE o.type = 'rated') THEN
        RETURN NULL;  -- nor is anything taken back when nothing is deleted, which would be again
    END IF;
    WITH counted AS (
        SELECT r.user_id, r.profile, r.movie_id, r.rating, r.rated_at
        FROM ratings r JOIN old_ratings o USING (user_id, profile, movie_id)
        WHERE o.type = 'rated' AND r.rated_at = o.happened_at AND r.rating = o.rating
    ), before AS (
        SELECT DISTINCT ON (e.user_id, e.profile, e.movie_id) e.*
        FROM events e JOIN counted c USING (user_id, profile, movie_id) WHERE e.type = 'rated'
        ORDER BY e.user_id, e.profile, e.movie_id, e.happened_at DESC, e.event_id DESC
    ), again AS (
        UPDATE ratings r SET rating = b.rating, rated_at = b.happened_at
        FROM before b JOIN counted c USING (user_id, profile, movie_id)
        WHERE (r.user_id, r.profile, r.movie_id) = (b.user_id, b.profile, b.movie_id)
          AND (r.rating, r.rated_at) = (c.rating, c.rated_at)  -- nobody has rated it since
    )
    DELETE FROM ratings r USING counted c
    WHERE (r.user_id, r.profile, r.movie_id, r.rating, r.rated_at)
          = (c.user_id, c.profile, c.movie_id, c.rating, c.rated_at)
      AND NOT EXISTS (SELECT FROM before b WHERE (r.user_id, r.profile, r.movie_id)
                                               = (b.user_id, b.profile, b.movie_id));
    RETURN NULL;
END $$;

-- A rating that is taken back was not given: nor do events tell of it.
CREATE OR REPLACE FUNCTION take_back_events() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        DELETE FROM events WHERE type = 'rated';
    ELSE
        DELETE FROM events e USING old_ratings o
        WHERE e.type = 'rated' AND (e.user_id, e.profile, e.movie_id) = (o.user_id, o.profile, o.movie_id);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER ratings_deleted_events AFTER DELETE ON ratings
    REFERENCING OLD TABLE AS old_ratings
    FOR EACH STATEMENT EXECUTE FUNCTION take_back_events();
CREATE OR REPLACE TRIGGER ratings_truncated_events AFTER TRUNCATE ON ratings
    FOR EACH STATEMENT EXECUTE FUNCTION take_back_events();

CREATE OR REPLACE FUNCTION refuse_other_event() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    RAISE feature_not_supported USING MESSAGE = 'events do not change',
        HINT = 'Delete the event and insert another.';
END $$;

-- They run in the order of their names: ratings are written, then taste is made of both.
CREATE OR REPLACE TRIGGER events_inserted AFTER INSERT ON events
    REFERENCING NEW TABLE AS new_ratings FOR EACH STATEMENT EXECUTE FUNCTION write_rated();
CREATE OR REPLACE TRIGGER events_inserted_taste AFTER INSERT ON events
    REFERENCING NEW TABLE AS new_ratings FOR EACH STATEMENT EXECUTE FUNCTION add_ratings_to_profiles();
CREATE OR REPLACE TRIGGER events_deleted AFTER DELETE ON events
    REFERENCING OLD TABLE AS old_ratings FOR EACH STATEMENT EXECUTE FUNCTION take_back_rated();
CREATE OR REPLACE TRIGGER events_deleted_taste AFTER DELETE ON events
    REFERENCING OLD TABLE AS old_ratings FOR EACH STATEMENT EXECUTE FUNCTION add_ratings_to_profiles();
CREATE OR REPLACE TRIGGER events_updated BEFORE UPDATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_other_event();
CREATE OR REPLACE TRIGGER events_truncated AFTER TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION forget_all_ratings();

-- Events that arrive by logical replication, as replicate_rating(): ratings arrive by themselves.
CREATE OR REPLACE FUNCTION replicate_event() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    changed events := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
BEGIN
    IF NOT is_subscribed('users') THEN
        PERFORM make_taste(ARRAY[changed.user_id], ARRAY[changed.profile]);
    ELSIF NOT is_subscribed('user_factors') THEN
        PERFORM make_user_factors(m.id, ARRAY[changed.user_id], ARRAY[changed.profile])
        FROM models m WHERE m.kind = 'factors' AND m.state = 'active';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER events_replicated AFTER INSERT OR DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION replicate_event();
ALTER TABLE events ENABLE REPLICA TRIGGER events_replicated;

-- A genre in any case, as films have it; one that no film has as it is.
CREATE OR REPLACE FUNCTION genre_named(genre text) RETURNS text
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
SELECT CASE WHEN genre IS NULL OR EXISTS (SELECT FROM movies m WHERE m.genres @> ARRAY[genre_named.genre]) THEN genre
       ELSE coalesce((SELECT g FROM movies m CROSS JOIN unnest(m.genres) g
                      WHERE lower(g) = lower(genre_named.genre) LIMIT 1), genre) END
$$;

-- Writes one user's events, each an object {type, movie_id (as movie_named() has it) or genre, rating,
-- happened_at, source, event_id}, and says of each whether it is `accepted`, `known` already, or `refused`
-- and why. An id that was sent before is known where what is sent under it is the same, else refused.
-- Without an id, what was sent with a time is known by what it says.
CREATE OR REPLACE FUNCTION add_events(for_user bigint, events jsonb, profile text DEFAULT 'main')
RETURNS TABLE (line bigint, event_id text, outcome text, reason text)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
#variable_conflict use_column
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('palate user', for_user));
    RETURN QUERY
    WITH sent AS MATERIALIZED (
        SELECT l.line, e.type, m.movie_id, g.genre, e.rating, e.happened_at, e.source,
               coalesce(e.event_id, CASE WHEN e.happened_at IS NULL THEN gen_random_uuid()::text
                   ELSE event_key(add_events.profile, e.type, m.movie_id, g.genre, e.rating, e.happened_at) END) AS id,
               CASE WHEN e.movie_id IS NOT NULL AND m.movie_id IS NULL THEN format('film %s is unknown', e.movie_id)
               END AS wrong
        FROM jsonb_array_elements(add_events.events) WITH ORDINALITY l (event, line)
        CROSS JOIN jsonb_to_record(l.event) e (event_id text, type text, movie_id text, genre text,
                                               rating real, happened_at timestamptz, source text)
        CROSS JOIN LATERAL movie_named(e.movie_id) m (movie_id)
        CROSS JOIN LATERAL genre_named(e.genre) g (genre)
    ), sound AS MATERIALIZED (
        SELECT s.line, s.type, s.movie_id, s.genre, s.rating, s.happened_at, s.source, s.id,
               coalesce(s.wrong, wrong_event(s.type, s.movie_id, s.genre, s.rating, s.happened_at)) AS wrong
        FROM sent s
    ), numbered AS MATERIALIZED (
        SELECT s.*, first_value(s.line) OVER (PARTITION BY s.id, s.wrong IS NULL ORDER BY s.line) AS first
        FROM sound s
    ), looked_at AS MATERIALIZED (
        SELECT n.line, n.id, n.type, n.movie_id, n.genre, n.rating, n.happened_at, n.source,
               n.first < n.line OR k.event_id IS NOT NULL AS known,
               coalesce(n.wrong, CASE
                   WHEN (n.type, n.movie_id, n.genre, n.rating, add_events.profile)
                        IS DISTINCT FROM (o.type, o.movie_id, o.genre, o.rating, o.profile)
                        OR n.happened_at <> o.happened_at
                   THEN format('another event has the id %L', n.id) END) AS wrong
        FROM numbered n
        JOIN numbered f ON f.line = n.first
        LEFT JOIN events k ON k.user_id = for_user AND k.event_id = n.id
        CROSS JOIN LATERAL (
            SELECT k.type, k.movie_id, k.genre, k.rating, k.profile, k.happened_at WHERE k.event_id IS NOT NULL
            UNION ALL
            SELECT f.type, f.movie_id, f.genre, f.rating, add_events.profile, f.happened_at
            WHERE k.event_id IS NULL) o
    ), added AS (
        INSERT INTO events (user_id, event_id, profile, type, movie_id, genre, rating, happened_at, source)
        SELECT for_user, l.id, add_events.profile, l.type, l.movie_id, l.genre, l.rating,
               coalesce(l.happened_at, now()), l.source
        FROM looked_at l WHERE l.wrong IS NULL AND NOT l.known
        ORDER BY l.line
        ON CONFLICT (user_id, event_id) DO NOTHING
        RETURNING event_id
    )
    SELECT l.line, l.id, CASE WHEN l.wrong IS NOT NULL THEN 'refused'
                              WHEN NOT l.known AND a.event_id IS NOT NULL THEN 'accepted'
                              ELSE 'known' END, l.wrong
    FROM looked_at l LEFT JOIN added a ON a.event_id = l.id
    ORDER BY l.line;
END $$;

-- Keeps what is said of films of answers, an array of objects; returns how many lines were new. What is
-- sent twice is known; a user by name is made, as by an event. Who is being forgotten is waited for, and
-- begins anew; users are locked in one order.
CREATE OR REPLACE FUNCTION add_feedback(lines jsonb) RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    added bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('palate user', u.user_id))
    FROM (SELECT DISTINCT name_user(l.name) AS user_id
          FROM (SELECT DISTINCT x ->> 'user_id' AS name FROM jsonb_array_elements(lines) x
                WHERE x ->> 'user_id' IS NOT NULL ORDER BY 1) l ORDER BY 1) u;
    INSERT INTO feedback (answer_id, movie_id, kind, position, sources, user_id, happened_at)
    SELECT f.answer_id, movie_named(f.movie_id), f.kind, f.position, coalesce(f.sources, '{}'),
           CASE WHEN f.user_id IS NOT NULL THEN name_user(f.user_id) END, coalesce(f.happened_at, now())
    FROM jsonb_to_recordset(lines) f (
        answer_id text, movie_id text, kind text, position integer, sources text[], user_id text,
        happened_at timestamptz)
    ON CONFLICT (answer_id, movie_id, kind) DO NOTHING;
    GET DIAGNOSTICS added = ROW_COUNT;
    RETURN added;
END $$;

-- The id of an event that came without one, by what it says.
CREATE OR REPLACE FUNCTION event_key(
    profile text, type text, movie_id bigint, genre text, rating real, happened_at timestamptz
) RETURNS text
LANGUAGE sql STABLE
RETURN 'by-content-' || md5(concat_ws('|', profile, type, movie_id, genre, rating,
                                      extract(epoch FROM happened_at)));

-- Why an event cannot be written; NULL: it can.
CREATE OR REPLACE FUNCTION wrong_event(
    type text, movie_id bigint, genre text, rating real, happened_at timestamptz
) RETURNS text
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
SELECT CASE
    WHEN type IS NULL OR type <> 'rated' AND NOT EXISTS (
        SELECT FROM event_weights w WHERE w.type = wrong_event.type)
    THEN format('there is no type %L of events, but rated, %s', coalesce(type, ''),
                (SELECT string_agg(w.type, ', ' ORDER BY w.type) FROM event_weights w))
    WHEN num_nonnulls(movie_id, genre) <> 1 THEN 'it tells of no film, or of a film and a genre'
    WHEN genre IS NOT NULL AND type NOT IN ('pinned', 'muted') THEN 'only a pin or a mute may tell of a genre'
    WHEN (type = 'rated') <> (rating IS NOT NULL) THEN '`rated` needs a rating, and nothing else has one'
    WHEN rating NOT BETWEEN 0.5 AND 5 THEN format('%s is not on the scale from 0.5 to 5', rating)
    WHEN happened_at > now() + interval '1 day' THEN 'its time is in the future'
    WHEN happened_at < '0001-01-02 00:00+00' THEN 'its time is before the year 1'
    WHEN movie_id IS NOT NULL AND NOT EXISTS (SELECT FROM movies m WHERE m.movie_id = wrong_event.movie_id)
    THEN format('film %s is unknown', movie_id)
    WHEN genre IS NOT NULL AND NOT EXISTS (SELECT FROM movies m WHERE m.genres @> ARRAY[wrong_event.genre])
    THEN format('no film is of the genre %L', genre)
END
$$;

-- Films that a user's last word was no to.
CREATE OR REPLACE FUNCTION refused_movies(for_user bigint, profile text)
RETURNS TABLE (movie_id bigint) LANGUAGE sql STABLE BEGIN ATOMIC
SELECT e.movie_id
FROM (SELECT DISTINCT ON (e.movie_id) e.movie_id, e.type
      FROM events e
      WHERE e.user_id = for_user AND e.profile = refused_movies.profile AND e.movie_id IS NOT NULL
        AND e.type NOT IN ('watched', 'saved', 'clicked')
      ORDER BY e.movie_id, e.happened_at DESC, e.event_id DESC) e
WHERE e.type IN ('not_interested', 'disliked', 'muted');
END;

-- NULL: none.
CREATE OR REPLACE FUNCTION muted_genres(for_user bigint, profile text) RETURNS text[]
LANGUAGE sql STABLE BEGIN ATOMIC
SELECT array_agg(g.genre)
FROM (SELECT DISTINCT ON (e.genre) e.genre, e.type FROM events e
      WHERE e.user_id = for_user AND e.profile = muted_genres.profile AND e.genre IS NOT NULL
      ORDER BY e.genre, e.happened_at DESC, e.event_id DESC) g
WHERE g.type = 'muted';
END;

-- What a user wants to see no more: films whose last word was no, and films of muted genres.
CREATE OR REPLACE FUNCTION turned_away(for_user bigint, profile text DEFAULT 'main')
RETURNS TABLE (movie_id bigint) LANGUAGE sql STABLE BEGIN ATOMIC
SELECT r.movie_id FROM refused_movies(for_user, turned_away.profile) r
UNION
SELECT m.movie_id FROM movies m WHERE m.genres && (SELECT muted_genres(for_user, turned_away.profile));
END;

-- What a taste is made of: genres, people and films, the strongest first. `share` is its part of all
-- of its kind, without regard to the sign; below 0 it pushes away.
CREATE OR REPLACE FUNCTION taste_of(for_user bigint, profile text DEFAULT 'main') RETURNS TABLE (
    kind text, name text, movie_id bigint, share double precision, films bigint
) LANGUAGE sql STABLE BEGIN ATOMIC
WITH film AS MATERIALIZED (
    SELECT m.movie_id, m.title, m.year, m.genres, m.director, m.actors,
           coalesce(r.weight, taste_weight(r.rating, r.middle))
           * age_weight(r.rated_at, s.half_life_days, s.reference_time) AS weight
    FROM profile_settings s
    CROSS JOIN ratings_of(for_user, taste_of.profile) r
    JOIN movies m USING (movie_id)
), part AS (
    SELECT 'genre' AS kind, g.genre AS name, NULL::bigint AS movie_id, f.weight
    FROM film f CROSS JOIN unnest(f.genres) g(genre)
    UNION ALL
    SELECT 'person', p.name, NULL, f.weight
    FROM film f CROSS JOIN LATERAL (
        SELECT f.director UNION SELECT unnest(f.actors[1:3])) p(name)
    WHERE p.name IS NOT NULL
    UNION ALL
    SELECT 'film', concat(f.title, ' (' || f.year || ')'), f.movie_id, f.weight FROM film f
), summed AS (
    SELECT p.kind, p.name, p.movie_id, sum(p.weight) AS weight, count(*) AS films
    FROM part p GROUP BY p.kind, p.name, p.movie_id
)
SELECT s.kind, s.name, s.movie_id,
       s.weight / nullif(sum(abs(s.weight)) OVER (PARTITION BY s.kind), 0), s.films
FROM summed s
ORDER BY s.kind, abs(s.weight) DESC, s.films DESC, s.name;
END;
