-- Sets of text embeddings: one is in use, its vectors in movies.embedding, embedding_model saying whose
-- they are; the others wait in embedding_vectors.

-- Makes every profile again by what this transaction has changed of films' vectors and nobody else sees
-- yet: everybody's while ratings go on, then, with ratings stopped until it ends, those of who rated
-- meanwhile, whom their changed rows in `users` tell. Returns how many there are.
CREATE OR REPLACE FUNCTION change_profiles() RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    ids bigint[];
    profiles text[];
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('palate'), hashtext('profiles'));
    UPDATE profile_settings SET reference_time = coalesce((SELECT max(rated_at) FROM ratings), now())
    WHERE half_life_days IS NOT NULL;
    INSERT INTO users (user_id, profile)
    SELECT user_id, profile FROM ratings UNION SELECT user_id, profile FROM events ORDER BY 1, 2
    ON CONFLICT DO NOTHING;
    CREATE TEMP TABLE made_profiles ON COMMIT DROP AS
    SELECT u.user_id, u.profile, u.ctid || ' ' || u.xmin AS line, s.embedding_sum,
           coalesce(s.weight_sum, 0) AS weight_sum, coalesce(s.rating_count, 0) AS rating_count,
           coalesce(s.event_count, 0) AS event_count
    FROM users u LEFT JOIN sum_profiles() s USING (user_id, profile);
    ANALYZE made_profiles;
    PERFORM stop_ratings();
    UPDATE profile_settings SET only_one = only_one;  -- see add_ratings_to_profiles()
    SELECT array_agg(u.user_id), array_agg(u.profile) INTO ids, profiles
    FROM users u LEFT JOIN made_profiles m USING (user_id, profile)
    WHERE u.ctid || ' ' || u.xmin IS DISTINCT FROM m.line;
    UPDATE users u
    SET embedding_sum = m.embedding_sum, weight_sum = m.weight_sum, rating_count = m.rating_count,
        event_count = m.event_count
    FROM made_profiles m
    WHERE (u.user_id, u.profile) = (m.user_id, m.profile) AND u.ctid || ' ' || u.xmin = m.line;
    IF ids IS NOT NULL THEN
        PERFORM make_taste(ids, profiles);
    END IF;
    DROP TABLE pg_temp.made_profiles;
    RETURN (SELECT count(*) FROM users WHERE rating_count + event_count > 0);
END $$;

-- Uses another set, as a whole: films' vectors, their mean, their index, every profile; returns how many
-- profiles there are. The set that was in use waits, unless it has the same name. `others` says whether
-- films that the chosen set does not hold keep their vector, as where a set grows. All of it is seen when
-- it is committed. Searches go on, ratings wait at the end alone; who changes films waits throughout.
--
-- An order that was learned with vectors of another model does not fit these: it is retired.
CREATE OR REPLACE FUNCTION use_embeddings(chosen text, others text DEFAULT 'lose') RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    next embedding_sets;
    before embedding_model;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE serialization_failure USING
            MESSAGE = 'embeddings are switched in a READ COMMITTED transaction only',
            HINT = 'An older snapshot does not see the ratings made meanwhile.';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('palate.load', 0));  -- of every load
    SELECT * INTO next FROM embedding_sets s WHERE s.set_name = chosen
        AND EXISTS (SELECT FROM embedding_vectors v WHERE v.set_name = chosen);
    IF next.set_name IS NULL THEN
        RAISE no_data_found USING MESSAGE = format('no set of embeddings %L has a vector', chosen);
    END IF;
    LOCK TABLE movies IN SHARE ROW EXCLUSIVE MODE;
    SELECT * INTO before FROM embedding_model;
    IF before.set_name <> chosen THEN
        INSERT INTO embedding_sets (set_name, name, dimension, loaded_at)
        SELECT before.set_name, before.name, before.dimension, before.loaded_at;
        INSERT INTO embedding_vectors (movie_id, set_name, embedding)
        SELECT m.movie_id, before.set_name, m.embedding FROM movies m WHERE m.embedding IS NOT NULL;
    END IF;
    DELETE FROM embedding_model;  -- and with it movie_vectors, before vectors of another length come
    UPDATE movies m SET embedding = v.embedding
    FROM movies o
    LEFT JOIN embedding_vectors v ON v.movie_id = o.movie_id AND v.set_name = chosen
    WHERE m.movie_id = o.movie_id AND m.embedding IS DISTINCT FROM v.embedding
      AND (others = 'lose' OR v.movie_id IS NOT NULL);
    INSERT INTO embedding_model (set_name, name, dimension, mean, loaded_at)
    SELECT chosen, next.name, next.dimension, avg(embedding), next.loaded_at FROM movies;
    DELETE FROM embedding_sets s WHERE s.set_name = chosen;
    PERFORM index_vectors();
    IF (before.name, before.dimension) <> (next.name, next.dimension) THEN
        UPDATE models SET state = 'retired' WHERE kind = 'order' AND state = 'active';
    END IF;
    RETURN change_profiles();
END $$;
