-- Neighbours: the thirty people of the most alike taste, among the five thousand who liked something
-- last. A taste is the factors of the active model, or without one the vector of texts; alike is the
-- cosine. What they liked is each one's last twenty films of four stars and more, liked or watched. A film
-- that only one of them liked is left out: it would tell of that one.

-- Makes the rows again of who has rated or done something since, of everybody a day or a model ago;
-- returns how many. Searches and ratings go on.
CREATE OR REPLACE FUNCTION refresh_neighbours() RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    model models;
    made bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('palate'), hashtext('neighbours'));
    SELECT * INTO model FROM models WHERE kind = 'factors' AND state = 'active';
    DELETE FROM neighbour_likes l WHERE NOT EXISTS (
        SELECT FROM users u WHERE u.user_id = l.user_id AND u.profile = l.profile
                              AND u.rating_count + u.event_count > 0);
    WITH taste AS MATERIALIZED (
        SELECT u.user_id, u.profile, u.synthetic, u.updated_at, t.direction
        FROM users u
        LEFT JOIN user_factors f ON f.user_id = u.user_id AND f.profile = u.profile AND f.model_id = model.id
        CROSS JOIN LATERAL (
            SELECT CASE WHEN model.id IS NULL THEN u.embedding ELSE l2_normalize(f.factors) END) t (direction)
        WHERE vector_norm(t.direction) > 0
    ), liked AS (
        SELECT t.*, row_number() OVER (PARTITION BY t.user_id, t.profile ORDER BY t.at DESC, t.movie_id) AS place
        FROM (SELECT r.user_id, r.profile, r.movie_id, r.rated_at AS at FROM ratings r WHERE r.rating >= 4
              UNION ALL
              SELECT e.user_id, e.profile, e.movie_id, e.happened_at FROM events e
              WHERE e.type IN ('liked', 'watched')) t
    ), lately AS (
        SELECT l.user_id, l.profile, array_agg(DISTINCT l.movie_id) AS movie_ids, max(l.at) AS at
        FROM liked l WHERE l.place <= 20 GROUP BY l.user_id, l.profile
    ), pool AS MATERIALIZED (
        SELECT t.user_id, t.profile, t.direction, l.movie_ids
        FROM lately l JOIN taste t USING (user_id, profile) WHERE NOT t.synthetic
        ORDER BY l.at DESC, t.user_id, t.profile LIMIT 5000
    )
    INSERT INTO neighbour_likes AS o (user_id, profile, movie_ids, likings, made_at)
    SELECT t.user_id, t.profile, n.movie_ids, n.likings, now()
    FROM taste t
    LEFT JOIN neighbour_likes was USING (user_id, profile)
    CROSS JOIN LATERAL (
        SELECT coalesce(array_agg(b.movie_id ORDER BY b.liking DESC, b.movie_id), '{}') AS movie_ids,
               coalesce(array_agg(b.liking::real ORDER BY b.liking DESC, b.movie_id), '{}') AS likings
        FROM (SELECT f.movie_id, sum(p.likeness) AS liking
              FROM (SELECT p.movie_ids, -(p.direction <#> t.direction) AS likeness FROM pool p
                    WHERE p.user_id <> t.user_id
                    ORDER BY p.direction <#> t.direction, p.user_id, p.profile LIMIT 30) p
              CROSS JOIN unnest(p.movie_ids) f(movie_id)
              WHERE p.likeness > 0
              GROUP BY f.movie_id HAVING count(*) > 1
              ORDER BY 2 DESC, 1 LIMIT 100) b) n
    WHERE was.made_at IS NULL OR was.made_at < t.updated_at
       OR was.made_at < greatest(model.activated_at, now() - interval '1 day')
    ON CONFLICT (user_id, profile) DO UPDATE
    SET movie_ids = excluded.movie_ids, likings = excluded.likings, made_at = excluded.made_at;
    GET DIAGNOSTICS made = ROW_COUNT;
    RETURN made;
END $$;
