-- Where films are near to: the best by popularity, by nearness to a taste, by a user's factors. Each
-- takes how many (n), the only films wanted and the films not wanted, as ids or NULL, and the genres not
-- wanted, and reads, in a large catalog, a bounded number of films.
--
-- An HNSW index finds nearly all of the nearest; index_vectors() makes it where there are so many
-- films that reading all of them takes longer than an answer may. Without it, or where few films are
-- wanted, all are read and the answer is exact.

DO $$
DECLARE f regprocedure;
BEGIN
    FOR f IN SELECT p.oid FROM pg_proc p
             WHERE p.proname IN ('popular_movies', 'nearest_movies', 'movies_by_factors', 'wanted_movies')
               AND p.pronamespace = current_schema()::regnamespace
               AND 'none_of' = ANY (p.proargnames)  -- a neighbour's has other arguments
               AND NOT 'no_genres' = ANY (p.proargnames)
    LOOP EXECUTE format('DROP FUNCTION %s', f); END LOOP;
END $$;

CREATE OR REPLACE FUNCTION vectors_indexed_from() RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 20000;

-- Puts films' vectors where they are looked up. A film at the catalog mean is near to nothing.
CREATE OR REPLACE FUNCTION remember_vectors(ids bigint[]) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    odd record;
BEGIN
    SELECT vector_dims(m.embedding) AS given, e.dimension INTO odd
    FROM unnest(ids) i JOIN movies m ON m.movie_id = i CROSS JOIN embedding_model e
    WHERE vector_dims(m.embedding) <> e.dimension LIMIT 1;
    IF FOUND THEN
        RAISE data_exception USING MESSAGE = format(
            'a vector of %s numbers, where those in use have %s', odd.given, odd.dimension);
    END IF;
    DELETE FROM movie_vectors v USING unnest(ids) i
    WHERE v.movie_id = i AND NOT EXISTS (
        SELECT FROM movies m CROSS JOIN embedding_model e
        WHERE m.movie_id = i AND vector_norm(m.embedding - e.mean) > 0);
    INSERT INTO movie_vectors AS v (movie_id, content)
    SELECT m.movie_id, l2_normalize(m.embedding - e.mean)
    FROM unnest(ids) i JOIN movies m ON m.movie_id = i CROSS JOIN embedding_model e
    WHERE vector_norm(m.embedding - e.mean) > 0
    ORDER BY m.movie_id
    ON CONFLICT (movie_id) DO UPDATE SET content = excluded.content
    WHERE v.content <> excluded.content;
END $$;

-- Makes the vectors again from the films; returns how many there are. Only who changes films waits.
CREATE OR REPLACE FUNCTION refresh_vectors() RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    LOCK TABLE movies IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM movie_vectors v WHERE NOT EXISTS (SELECT FROM movies m WHERE m.movie_id = v.movie_id);
    PERFORM remember_vectors(ARRAY(SELECT movie_id FROM movies));
    RETURN (SELECT count(*) FROM movie_vectors);
END $$;

CREATE OR REPLACE FUNCTION movies_to_vectors() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_LEVEL = 'ROW' THEN  -- of logical replication
        IF TG_OP = 'DELETE' THEN DELETE FROM candidate_features WHERE movie_id = OLD.movie_id; END IF;
        PERFORM remember_vectors(ARRAY[CASE TG_OP WHEN 'DELETE' THEN OLD.movie_id ELSE NEW.movie_id END]);
    ELSIF TG_OP = 'TRUNCATE' THEN
        TRUNCATE movie_vectors, movie_directions;
    ELSIF TG_OP = 'DELETE' THEN
        DELETE FROM movie_vectors v USING old_movies o WHERE v.movie_id = o.movie_id;
        DELETE FROM movie_directions d USING old_movies o WHERE d.movie_id = o.movie_id;
        DELETE FROM candidate_features c USING old_movies o WHERE c.movie_id = o.movie_id;
    ELSIF TG_OP = 'INSERT' THEN
        PERFORM remember_vectors(array_agg(movie_id)) FROM new_movies
        WHERE embedding IS NOT NULL HAVING count(*) > 0;
    ELSE
        PERFORM remember_vectors(array_agg(n.movie_id))
        FROM old_movies o JOIN new_movies n USING (movie_id)
        WHERE o.embedding IS DISTINCT FROM n.embedding HAVING count(*) > 0;
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER movies_vectors_inserted AFTER INSERT ON movies
    REFERENCING NEW TABLE AS new_movies
    FOR EACH STATEMENT EXECUTE FUNCTION movies_to_vectors();
CREATE OR REPLACE TRIGGER movies_vectors_updated AFTER UPDATE ON movies
    REFERENCING NEW TABLE AS new_movies OLD TABLE AS old_movies
    FOR EACH STATEMENT EXECUTE FUNCTION movies_to_vectors();
CREATE OR REPLACE TRIGGER movies_vectors_deleted AFTER DELETE ON movies
    REFERENCING OLD TABLE AS old_movies
    FOR EACH STATEMENT EXECUTE FUNCTION movies_to_vectors();
CREATE OR REPLACE TRIGGER movies_vectors_truncated AFTER TRUNCATE ON movies
    FOR EACH STATEMENT EXECUTE FUNCTION movies_to_vectors();
ALTER TABLE movies ENABLE ALWAYS TRIGGER movies_vectors_truncated;
CREATE OR REPLACE TRIGGER movies_vectors_replicated AFTER INSERT OR UPDATE OR DELETE ON movies
    FOR EACH ROW EXECUTE FUNCTION movies_to_vectors();
ALTER TABLE movies ENABLE REPLICA TRIGGER movies_vectors_replicated;

-- Another mean, other vectors: a trigger of rows, so that it fires for what is replicated, too.
CREATE OR REPLACE FUNCTION mean_to_vectors() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM remember_vectors(ARRAY(SELECT movie_id FROM movies));
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER embedding_model_vectors AFTER INSERT OR UPDATE OR DELETE ON embedding_model
    FOR EACH ROW EXECUTE FUNCTION mean_to_vectors();
ALTER TABLE embedding_model ENABLE ALWAYS TRIGGER embedding_model_vectors;

-- candidate_features has copies of what three tables say of a film. Whoever changes a vector or factors
-- deletes the row; popularity and factors tell of which refresh and model they are. What is not copied, or
-- of another one, search() looks up where it comes from: the same answer, later.
CREATE OR REPLACE FUNCTION vectors_to_candidates() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        TRUNCATE candidate_features;
    ELSE
        DELETE FROM candidate_features c USING changed_vectors v WHERE c.movie_id = v.movie_id;
        IF current_setting('transaction_isolation') <> 'read committed' THEN
            PERFORM FROM stats_version FOR SHARE;  -- fails where its snapshot lacks what was copied since
        END IF;
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER movie_vectors_copied_inserted AFTER INSERT ON movie_vectors
    REFERENCING NEW TABLE AS changed_vectors
    FOR EACH STATEMENT EXECUTE FUNCTION vectors_to_candidates();
CREATE OR REPLACE TRIGGER movie_vectors_copied_updated AFTER UPDATE ON movie_vectors
    REFERENCING NEW TABLE AS changed_vectors
    FOR EACH STATEMENT EXECUTE FUNCTION vectors_to_candidates();
CREATE OR REPLACE TRIGGER movie_vectors_copied_deleted AFTER DELETE ON movie_vectors
    REFERENCING OLD TABLE AS changed_vectors
    FOR EACH STATEMENT EXECUTE FUNCTION vectors_to_candidates();
CREATE OR REPLACE TRIGGER movie_vectors_copied_truncated AFTER TRUNCATE ON movie_vectors
    FOR EACH STATEMENT EXECUTE FUNCTION vectors_to_candidates();
-- Also where the vectors follow films that are replicated.
ALTER TABLE movie_vectors
    ENABLE ALWAYS TRIGGER movie_vectors_copied_inserted, ENABLE ALWAYS TRIGGER movie_vectors_copied_updated,
    ENABLE ALWAYS TRIGGER movie_vectors_copied_deleted, ENABLE ALWAYS TRIGGER movie_vectors_copied_truncated;

-- Of factors that come nothing was copied.
CREATE OR REPLACE FUNCTION factors_to_candidates() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_LEVEL = 'ROW' THEN  -- of logical replication
        DELETE FROM candidate_features c WHERE c.movie_id = OLD.movie_id AND c.model_id = OLD.model_id;
    ELSIF TG_OP = 'TRUNCATE' THEN
        TRUNCATE candidate_features;
    ELSE
        DELETE FROM candidate_features c USING old_factors o
        WHERE c.movie_id = o.movie_id AND c.model_id = o.model_id;
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER movie_factors_copied_updated AFTER UPDATE ON movie_factors
    REFERENCING OLD TABLE AS old_factors
    FOR EACH STATEMENT EXECUTE FUNCTION factors_to_candidates();
CREATE OR REPLACE TRIGGER movie_factors_copied_deleted AFTER DELETE ON movie_factors
    REFERENCING OLD TABLE AS old_factors
    FOR EACH STATEMENT EXECUTE FUNCTION factors_to_candidates();
CREATE OR REPLACE TRIGGER movie_factors_copied_truncated AFTER TRUNCATE ON movie_factors
    FOR EACH STATEMENT EXECUTE FUNCTION factors_to_candidates();
CREATE OR REPLACE TRIGGER movie_factors_copied_replicated AFTER UPDATE OR DELETE ON movie_factors
    FOR EACH ROW EXECUTE FUNCTION factors_to_candidates();
ALTER TABLE movie_factors ENABLE ALWAYS TRIGGER movie_factors_copied_truncated,
    ENABLE REPLICA TRIGGER movie_factors_copied_replicated;

-- Copies what is not copied, or not any more; returns how many films that were. Who writes vectors waits
-- for the copying, which waits for them two seconds: longer than an autovacuum holds on
-- (deadlock_timeout). What is not copied now is the next time.
CREATE OR REPLACE FUNCTION copy_candidate_features() RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '2s' AS $$
DECLARE
    copied bigint;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RETURN 0;  -- an old snapshot has old vectors
    END IF;
    LOCK TABLE movie_vectors IN SHARE MODE;
    UPDATE stats_version SET only_one = only_one;  -- see vectors_to_candidates()
    INSERT INTO candidate_features AS c (movie_id, stats_version, popularity, content, model_id, factors)
    SELECT m.movie_id, n.version, s.popularity, v.content, f.model_id, f.factors_out
    FROM movies m
    CROSS JOIN stats_version n
    LEFT JOIN movie_stats s USING (movie_id)
    LEFT JOIN movie_vectors v USING (movie_id)
    LEFT JOIN (movie_factors f JOIN models a
               ON a.id = f.model_id AND a.kind = 'factors' AND a.state = 'active') USING (movie_id)
    ORDER BY m.movie_id
    ON CONFLICT (movie_id) DO UPDATE SET stats_version = excluded.stats_version,
        popularity = excluded.popularity, content = excluded.content, model_id = excluded.model_id,
        factors = excluded.factors
    WHERE (c.stats_version, c.model_id) IS DISTINCT FROM (excluded.stats_version, excluded.model_id);
    GET DIAGNOSTICS copied = ROW_COUNT;
    IF copied > 0 THEN
        BEGIN  -- plans made while it was empty would read all of it for each film
            ANALYZE candidate_features (movie_id);
        EXCEPTION WHEN lock_not_available THEN
            NULL;  -- an autovacuum is there, which does it
        END;
    END IF;
    RETURN copied;
EXCEPTION WHEN lock_not_available THEN
    RETURN 0;
END $$;

-- Copies what is not copied and makes what is missing of the indexes; returns whether any was. Searches
-- go on; who writes vectors waits. To be called behind migrations, loads, refreshes and activations, and
-- by nobody else's transaction: a hundred thousand films take minutes.
--
-- The greatest inner product is the nearest direction once a further number makes all vectors as long
-- as the longest (Bachrach et al., "Speeding up the Xbox recommender system", RecSys 2014). Zeros
-- behind it make room for models of other ranks; a model of more than 255 factors is read as a whole.
CREATE OR REPLACE FUNCTION index_vectors() RETURNS boolean
LANGUAGE plpgsql SET search_path FROM CURRENT SET maintenance_work_mem = '256MB' AS $$
DECLARE
    here text := quote_ident(current_schema());
    chosen bigint;
    numbers integer := (SELECT dimension FROM embedding_model);
    made boolean := false;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('palate'), hashtext('vectors'));
    PERFORM copy_candidate_features();
    IF string_to_array((SELECT extversion FROM pg_extension WHERE extname = 'vector'), '.')::integer[]
       < '{0,8}' THEN
        RETURN false;  -- it does not go on where filters leave too few
    END IF;
    IF to_regclass(here || '.movie_vectors_content_' || numbers) IS NULL
       AND (SELECT count(*) FROM movie_vectors) >= vectors_indexed_from() THEN
        EXECUTE format('CREATE INDEX movie_vectors_content_%1$s ON movie_vectors
            USING hnsw ((content::vector(%1$s)) vector_ip_ops) WHERE vector_dims(content) = %1$s', numbers);
        made := true;
    END IF;
    SELECT m.id INTO chosen FROM models m
    WHERE m.kind = 'factors' AND m.state = 'active' AND vectors_indexed_from() <= (
        SELECT count(*) FROM movie_factors f
        WHERE f.model_id = m.id AND vector_dims(f.factors_out) < 256);
    IF NOT EXISTS (SELECT FROM movie_directions WHERE model_id = chosen) THEN
        DELETE FROM movie_directions;
        INSERT INTO movie_directions (movie_id, model_id, direction)
        SELECT f.movie_id, chosen, (
            f.factors_out::real[] || sqrt(greatest(0, l.longest ^ 2 - vector_norm(f.factors_out) ^ 2))::real
            || array_fill(0::real, ARRAY[255 - vector_dims(f.factors_out)]))::vector
        FROM movie_factors f
        CROSS JOIN (SELECT max(vector_norm(g.factors_out)) AS longest
                    FROM movie_factors g WHERE g.model_id = chosen) l
        WHERE f.model_id = chosen
        ORDER BY f.movie_id;
        made := made OR FOUND;
    END IF;
    IF to_regclass(here || '.movie_directions_direction') IS NULL AND chosen IS NOT NULL THEN
        CREATE INDEX movie_directions_direction ON movie_directions
            USING hnsw (direction vector_ip_ops);
        made := true;
    END IF;
    RETURN made;
END $$;

-- Drops the indexes of vectors, and of statistics, that are not in use any more: who searches waits for a
-- moment, and this for no search.
CREATE OR REPLACE FUNCTION drop_former_indexes() RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '50ms' AS $$
DECLARE
    former text[] := ARRAY(  -- whoever else starts may drop them first
        SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE i.indrelid = 'movie_vectors'::regclass AND c.relname ~ '^movie_vectors_content'
              AND c.relname <> 'movie_vectors_content_' || (SELECT dimension FROM embedding_model)
           OR i.indrelid = 'movie_stats'::regclass AND c.relname = 'movie_stats_movie_id');
    index_name text;
BEGIN
    FOREACH index_name IN ARRAY former LOOP
        EXECUTE 'DROP INDEX IF EXISTS ' || index_name;
    END LOOP;
EXCEPTION WHEN lock_not_available THEN
    NULL;  -- the next time
END $$;

CREATE OR REPLACE FUNCTION popular_movies(
    n integer, only_these bigint[] DEFAULT NULL, none_of bigint[] DEFAULT NULL,
    no_genres text[] DEFAULT NULL
) RETURNS TABLE (movie_id bigint, popularity double precision)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    given bigint;
BEGIN
    RETURN QUERY EXECUTE format($sql$
        SELECT s.movie_id, s.popularity FROM movie_stats s WHERE %s
        ORDER BY s.popularity DESC, s.movie_id LIMIT %L
    $sql$, wanted_movies('s', only_these, none_of, no_genres), n) USING only_these, none_of, no_genres;
    GET DIAGNOSTICS given = ROW_COUNT;
    IF n IS NULL OR given < n THEN  -- films that came since the last refresh
        RETURN QUERY EXECUTE format($sql$
            SELECT m.movie_id, NULL::double precision FROM movies m
            WHERE %s AND NOT EXISTS (SELECT FROM movie_stats s WHERE s.movie_id = m.movie_id)
            ORDER BY m.movie_id LIMIT %L
        $sql$, wanted_movies('m', only_these, none_of, no_genres), n - given)
        USING only_these, none_of, no_genres;
    END IF;
END $$;

-- By the cosine of centred embeddings; `taste` has length 1.
CREATE OR REPLACE FUNCTION nearest_movies(
    taste vector, n integer, only_these bigint[] DEFAULT NULL, none_of bigint[] DEFAULT NULL,
    no_genres text[] DEFAULT NULL
) RETURNS TABLE (movie_id bigint, similarity double precision)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
DECLARE
    numbers integer := vector_dims(taste);
    content text := 'v.content';
    indexed text := 'true';
BEGIN
    IF by_reading(only_these) = '' AND to_regclass('movie_vectors_content_' || numbers) IS NOT NULL THEN
        content := format('v.content::vector(%s)', numbers);  -- as the index writes it
        indexed := format('vector_dims(v.content) = %s', numbers);
    END IF;
    -- Until this function ends, where it has settings.
    PERFORM set_config('hnsw.ef_search', greatest(100, 50 + least(n, 950))::text, true);
    RETURN QUERY EXECUTE format($sql$
        SELECT v.movie_id, -(%1$s <#> $4) FROM movie_vectors v WHERE %2$s AND %3$s
        ORDER BY (%1$s <#> $4)%4$s, v.movie_id LIMIT %5$L
    $sql$, content, indexed, wanted_movies('v', only_these, none_of, no_genres), by_reading(only_these), n)
    USING only_these, none_of, no_genres, taste;
END $$;

-- By inner product with a user's factors of a model.
CREATE OR REPLACE FUNCTION movies_by_factors(
    model bigint, factors vector, n integer, only_these bigint[] DEFAULT NULL,
    none_of bigint[] DEFAULT NULL, no_genres text[] DEFAULT NULL
) RETURNS TABLE (movie_id bigint, affinity double precision)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
BEGIN
    IF by_reading(only_these) = '' AND EXISTS (SELECT FROM movie_directions WHERE model_id = model) THEN
        RETURN QUERY EXECUTE format($sql$
            SELECT d.movie_id, -(d.direction <#> $4) FROM movie_directions d WHERE %s
            ORDER BY d.direction <#> $4, d.movie_id LIMIT %L
        $sql$, wanted_movies('d', only_these, none_of, no_genres), n) USING only_these, none_of, no_genres,
            (factors::real[] || array_fill(0::real, ARRAY[256 - vector_dims(factors)]))::vector;
    ELSE
        RETURN QUERY EXECUTE format($sql$
            SELECT f.movie_id, -(f.factors_out <#> $4) FROM movie_factors f
            WHERE f.model_id = $5 AND %s
            ORDER BY f.factors_out <#> $4, f.movie_id LIMIT %L
        $sql$, wanted_movies('f', only_these, none_of, no_genres), n)
        USING only_these, none_of, no_genres, factors, model;
    END IF;
END $$;

-- The conditions on films as the functions above write them, arrays being their first parameters.
CREATE OR REPLACE FUNCTION wanted_movies(
    relation text, only_these bigint[], none_of bigint[], no_genres text[]
) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN concat_ws(' AND ', 'true',
    CASE WHEN only_these IS NOT NULL THEN relation || '.movie_id = ANY ($1)' END,
    CASE WHEN cardinality(none_of) > 0 THEN relation || '.movie_id <> ALL ($2)' END,
    CASE WHEN cardinality(no_genres) > 0
         THEN format('NOT EXISTS (SELECT FROM movies g WHERE g.movie_id = %s.movie_id AND g.genres && $3)', relation) END);

-- What keeps an order from being read from an index, where only a few films are wanted: walking the
-- index to the nearest of them could take all of it.
CREATE OR REPLACE FUNCTION by_reading(only_these bigint[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN cardinality(only_these) < 20000 THEN ' + 0' ELSE '' END;

-- The index where there is one (no sort), looked far enough into for all but two or three in a hundred of the
-- ten nearest, and on where filters leave too few (pgvector 0.8). See docs/performance.md.
DO $$
DECLARE
    f text;
BEGIN
    PERFORM '[1]'::vector;  -- so that its settings are known
    IF string_to_array((SELECT extversion FROM pg_extension WHERE extname = 'vector'), '.')::integer[] >= '{0,8}' THEN
        FOREACH f IN ARRAY '{nearest_movies,movies_by_factors}'::text[] LOOP
            EXECUTE format('ALTER FUNCTION %s SET hnsw.iterative_scan = strict_order', f);
            EXECUTE format('ALTER FUNCTION %s SET hnsw.ef_search = 150', f);
            EXECUTE format('ALTER FUNCTION %s SET enable_sort = off', f);
        END LOOP;
    END IF;
END $$;
