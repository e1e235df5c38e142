-- search(): candidates by text, blended with one person's taste.
--
--   score = bm25_contribution + semantic_contribution + content_contribution
--         + collaborative_contribution + popularity_contribution
--
-- Each contribution is a weight (table blend, or the call's `weights`) times a component in
-- [0, 1]: bm25 divided by the best one's, and 1 of titles that begin with what was typed, of which none
-- is better for being short; the others min-max scaled inside the candidate set,
-- 0.5 where a film has none or all are alike; content and collaborative then times
-- taste_strength(), which grows with what is known of the person. `content` needs a taste vector, `collaborative`
-- factors of the active model: without them they are NULL and contribute 0, and everybody without
-- either gets the same order.
--
-- Films stand by `level` first (see 05_titles.sql): the film whose title was `typed`, then titles that
-- begin so, then those with the words in their order, then the others that match, then, where too
-- few do, those that have some of the words (`relaxed`). Scores order films of one level and move
-- none to another. Films that an operator pinned to what was typed stand before all.

-- The type is made again only where it has to have other columns: whoever searches waits for its lock
-- until the migration ends.
DO $$
DECLARE
    columns text := concat_ws(', ',
        'rank bigint', 'movie_id bigint', 'title text', 'year integer', 'score double precision',
        'bm25 double precision', 'semantic double precision', 'content double precision',
        'collaborative double precision', 'popularity double precision',
        'bm25_contribution double precision', 'semantic_contribution double precision',
        'content_contribution double precision', 'collaborative_contribution double precision',
        'popularity_contribution double precision', 'bm25_score double precision',
        'unpersonalized_rank bigint', 'moved bigint', 'rating real', 'personalized boolean',
        'relaxed boolean', 'level match_level', 'pinned boolean');
    here text := quote_ident(current_schema());
    f regprocedure;
BEGIN
    IF columns = (SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, NULL), ', ' ORDER BY a.attnum)
                  FROM pg_attribute a
                  WHERE a.attrelid = to_regclass(here || '.search_hit') AND NOT a.attisdropped) THEN
        RETURN;
    END IF;
    FOR f IN SELECT p.oid FROM pg_proc p
             WHERE p.proname IN ('search', 'similar') AND p.pronamespace = current_schema()::regnamespace
               AND 'for_user' = ANY (p.proargnames)  -- a neighbour's has other arguments
    LOOP EXECUTE format('DROP FUNCTION %s', f); END LOOP;
    EXECUTE format('DROP TYPE IF EXISTS %s.search_hit', here);
    EXECUTE format($sql$
    CREATE TYPE search_hit AS (%s)
    $sql$, columns);
END $$;

-- What an answer tells beside its films: the weights of the blend, what is known of the user, and
-- the learned order that is active.
CREATE OR REPLACE FUNCTION search_context(for_user bigint, profile text) RETURNS TABLE (
    weights        jsonb,
    user_known     boolean,
    user_ratings   integer,
    user_has_taste boolean,
    order_id       bigint
) LANGUAGE sql STABLE BEGIN ATOMIC
SELECT to_jsonb(b) - 'only_one', u.user_id IS NOT NULL, coalesce(u.rating_count + u.event_count, 0),
       -- By its key: as EXISTS, it would be looked for among everybody's where nobody is asked for.
       u.embedding IS NOT NULL OR (
           SELECT true FROM user_factors f JOIN models a ON a.id = f.model_id
           WHERE f.user_id = u.user_id AND f.profile = u.profile AND f.rating_count > 0
             AND a.kind = 'factors' AND a.state = 'active'
           LIMIT 1) IS NOT NULL,
       (SELECT o.id FROM models o WHERE o.kind = 'order' AND o.state = 'active')
FROM blend b
LEFT JOIN users u ON u.user_id = for_user AND u.profile = search_context.profile;
END;

-- Whether a call's weights are of these names, each a number from 0 to 100, or null for the stored one.
CREATE OR REPLACE FUNCTION are_weights(weights jsonb, known text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN jsonb_typeof($1) = 'object'
    THEN $1 - $2 = '{}' AND NOT jsonb_path_exists(
        $1, 'strict $.* ? (@.type() != "null" && (@.type() != "number" || @ < 0 || @ > 100))')
    ELSE false END;

CREATE OR REPLACE FUNCTION search(
    query           jsonb,
    for_user        bigint  DEFAULT NULL,
    profile         text    DEFAULT 'main',
    k               integer DEFAULT 10,
    candidates      integer DEFAULT 100,
    weights         jsonb   DEFAULT NULL,
    loose           jsonb   DEFAULT NULL,
    seen            text    DEFAULT 'keep',
    query_embedding vector  DEFAULT NULL,
    filter          jsonb   DEFAULT NULL,
    relax_below     integer DEFAULT NULL,
    typed           text    DEFAULT NULL
) RETURNS SETOF search_hit LANGUAGE sql STABLE BEGIN ATOMIC
WITH weight AS MATERIALIZED (
    SELECT coalesce((weights ->> 'bm25')::double precision, b.bm25) AS bm25,
           CASE WHEN query_embedding IS NULL THEN 0
                ELSE coalesce((weights ->> 'semantic')::double precision, b.semantic)
           END AS semantic,
           coalesce((weights ->> 'content')::double precision, b.content) AS content,
           coalesce((weights ->> 'collaborative')::double precision, b.collaborative)
               AS collaborative,
           coalesce((weights ->> 'popularity')::double precision, b.popularity) AS popularity
    FROM blend b
    WHERE CASE
        WHEN weights IS NULL THEN true
        WHEN NOT are_weights(weights, '{bm25,semantic,content,collaborative,popularity}')
        THEN refuse_argument('weights', weights::text, 'bm25, semantic, content, collaborative, '
                             'popularity, each a number from 0 to 100') IS NULL
        ELSE true
    END
    LIMIT 1
), person AS MATERIALIZED (
    SELECT t.*, (SELECT v.version FROM stats_version v) AS stats_version
    FROM known_taste(for_user, search.profile) t
), lexical AS MATERIALIZED (
    SELECT c.movie_id, c.bm25, c.relaxed
    FROM search_candidates(query, candidates, loose, coalesce(relax_below, k),
                           CASE WHEN seen = 'drop' THEN for_user
                                WHEN seen NOT IN ('keep', 'mark')
                                THEN refuse_argument('seen', seen, 'keep, mark, drop')
                           END, search.profile) c
), nearest AS MATERIALIZED (
    SELECT m.movie_id, 1 - (m.embedding <=> query_embedding) AS similarity
    FROM movies m
    WHERE query_embedding IS NOT NULL AND m.embedding IS NOT NULL
      AND (filter IS NULL OR m.movie_id IN (SELECT f.movie_id FROM search_matches(filter) f))
      AND NOT (seen = 'drop' AND EXISTS (
          SELECT FROM seen_movies r WHERE r.user_id = for_user AND r.profile = search.profile
                                  AND r.movie_id = m.movie_id))
    ORDER BY m.embedding <=> query_embedding, m.movie_id
    LIMIT candidates
), told AS MATERIALIZED (
    -- What is said of films by what was typed; some are added to those that the text finds.
    SELECT t.movie_id, max(t.level) AS level, max(t.level) FILTER (WHERE t.adds) AS added_level,
           max(t.pin) AS pin, bool_or(t.hidden) AS hidden,
           bool_or(t.adds)
               AND (filter IS NULL OR t.movie_id IN (SELECT f.movie_id FROM search_matches(filter) f))
               AND NOT (seen = 'drop' AND EXISTS (
                   SELECT FROM seen_movies r WHERE r.user_id = for_user AND r.profile = search.profile
                                           AND r.movie_id = t.movie_id)) AS adds
    FROM typed_films(typed, candidates) t
    WHERE typed IS NOT NULL
    GROUP BY t.movie_id
), found AS (
    SELECT movie_id, l.bm25, n.similarity, t.pin, t.level,
           coalesce(l.relaxed, false) AND t.added_level IS NULL AS relaxed
    FROM lexical l FULL JOIN nearest n USING (movie_id) FULL JOIN told t USING (movie_id)
    WHERE t.hidden IS NOT TRUE AND (t.adds OR l.movie_id IS NOT NULL OR n.movie_id IS NOT NULL)
    OFFSET 0
), measured AS (
    -- A film at a time by its key, and only what is asked for: a look-up takes about as long as all else
    -- that is done for a film. For a person one row has it all, c; what is not copied there, or is out of
    -- date, and nobody's popularity are looked up where they come from. OFFSET 0, here and above, lets each
    -- film be looked up once, as MATERIALIZED would, which also keeps a copy of each row.
    SELECT f.movie_id, f.bm25, f.relaxed, f.similarity, f.pin,
           coalesce(f.level, CASE WHEN f.relaxed THEN 'some words' ELSE 'all words' END::match_level) AS level,
           CASE WHEN c.stats_version = p.stats_version THEN c.popularity
                ELSE (SELECT s.popularity FROM movie_stats s WHERE s.movie_id = f.movie_id)
           END AS popularity,
           CASE WHEN p.embedding IS NULL THEN NULL
                WHEN c.movie_id IS NOT NULL THEN -(c.content <#> p.embedding)
                ELSE (SELECT -(v.content <#> p.embedding) FROM movie_vectors v
                      WHERE v.movie_id = f.movie_id)
           END AS cosine,
           CASE WHEN p.factors IS NULL THEN NULL
                WHEN c.model_id = p.model_id THEN -(c.factors <#> p.factors)
                ELSE (SELECT -(o.factors_out <#> p.factors) FROM movie_factors o
                      WHERE o.movie_id = f.movie_id AND o.model_id = p.model_id)
           END AS affinity,
           p.embedding IS NOT NULL AS has_content,
           p.factors IS NOT NULL AS has_factors,
           p.strength
    FROM found f
    LEFT JOIN person p ON true
    LEFT JOIN LATERAL (
        SELECT x.* FROM candidate_features x
        WHERE x.movie_id = CASE WHEN p.strength IS NOT NULL THEN f.movie_id END
        OFFSET 0
    ) c ON true
    OFFSET 0
), scaled AS (
    SELECT m.*,
           CASE WHEN m.level >= 'beginning' THEN 1
                ELSE coalesce(m.bm25 / nullif(max(m.bm25) OVER (), 0), 0) END AS bm25_part,
           CASE WHEN query_embedding IS NOT NULL THEN
               coalesce((m.similarity - min(m.similarity) OVER ())
                   / nullif(max(m.similarity) OVER () - min(m.similarity) OVER (), 0),
                   CASE WHEN m.similarity IS NULL THEN 0 ELSE 0.5 END)
           END AS semantic_part,
           CASE WHEN m.has_content THEN
               m.strength * coalesce((m.cosine - min(m.cosine) OVER ())
                   / nullif(max(m.cosine) OVER () - min(m.cosine) OVER (), 0), 0.5)
           END AS content_part,
           CASE WHEN m.has_factors THEN
               m.strength * coalesce((m.affinity - min(m.affinity) OVER ())
                   / nullif(max(m.affinity) OVER () - min(m.affinity) OVER (), 0), 0.5)
           END AS collaborative_part,
           coalesce((m.popularity - min(m.popularity) OVER ())
               / nullif(max(m.popularity) OVER () - min(m.popularity) OVER (), 0), 0.5)
               AS popularity_part
    FROM measured m
), contributed AS (
    SELECT s.*,
           w.bm25 * s.bm25_part AS bm25_c,
           coalesce(w.semantic * s.semantic_part, 0) AS semantic_c,
           coalesce(w.content * s.content_part, 0) AS content_c,
           coalesce(w.collaborative * s.collaborative_part, 0) AS collaborative_c,
           w.popularity * s.popularity_part AS popularity_c
    FROM scaled s CROSS JOIN weight w
), summed AS (
    SELECT c.*, c.bm25_c + c.semantic_c + c.content_c + c.collaborative_c + c.popularity_c AS total,
           c.bm25_c + c.semantic_c + c.popularity_c AS plain
    FROM contributed c
), ranked AS (
    SELECT s.*,
           row_number() OVER (ORDER BY s.pin, s.level DESC, s.total DESC, s.bm25 DESC NULLS LAST, s.movie_id) AS place,
           row_number() OVER (ORDER BY s.pin, s.level DESC, s.plain DESC, s.bm25 DESC NULLS LAST,
                                       s.movie_id)
               AS plain_place
    FROM summed s
)
-- What only a page shows is looked up a value at a time, so that it costs nothing where it is not asked
-- for, as of the films behind a page.
SELECT r.place, r.movie_id,
       (SELECT m.title FROM movies m WHERE m.movie_id = r.movie_id),
       (SELECT m.year FROM movies m WHERE m.movie_id = r.movie_id),
       r.total,
       r.bm25_part, r.semantic_part, r.content_part, r.collaborative_part, r.popularity_part,
       r.bm25_c, r.semantic_c, r.content_c, r.collaborative_c, r.popularity_c,
       r.bm25, r.plain_place, r.plain_place - r.place,
       (SELECT v.rating FROM ratings v WHERE v.user_id = for_user
            AND v.profile = search.profile AND v.movie_id = r.movie_id),
       r.has_content OR r.has_factors, r.relaxed, r.level, r.pin IS NOT NULL
FROM ranked r
WHERE r.place <= k
ORDER BY r.place;
END;

-- A score as people read it: four decimals.
CREATE OR REPLACE FUNCTION shorten(score double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN round(score::numeric, 4)::double precision;

-- For people at a prompt: SELECT * FROM search('lord', for_user => 20002);
CREATE OR REPLACE FUNCTION search(
    query      text,
    for_user   bigint  DEFAULT NULL,
    profile    text    DEFAULT 'main',
    k          integer DEFAULT 10,
    candidates integer DEFAULT 100,
    weights    jsonb   DEFAULT NULL,
    seen       text    DEFAULT 'keep'
) RETURNS SETOF search_hit LANGUAGE sql STABLE BEGIN ATOMIC
-- Parsed once: written into the call, it would be parsed again for every film that matches.
WITH parsed AS MATERIALIZED (
    SELECT parse_query(query) AS strict, parse_query_loose(query) AS loose
)
SELECT h.rank, h.movie_id, h.title, h.year, shorten(h.score),
       shorten(h.bm25), shorten(h.semantic), shorten(h.content), shorten(h.collaborative),
       shorten(h.popularity), shorten(h.bm25_contribution), shorten(h.semantic_contribution),
       shorten(h.content_contribution), shorten(h.collaborative_contribution),
       shorten(h.popularity_contribution), shorten(h.bm25_score), h.unpersonalized_rank, h.moved,
       h.rating, h.personalized, h.relaxed, h.level, h.pinned
FROM parsed p
CROSS JOIN LATERAL search(p.strict, for_user, search.profile, positive('k', k), positive('candidates', candidates),
                          weights, p.loose, seen, typed => query) h;
END;

-- The same for a user whom another system calls by a text; of a text that nobody has nothing is known.
CREATE OR REPLACE FUNCTION search(
    query      text,
    for_user   text,
    profile    text    DEFAULT 'main',
    k          integer DEFAULT 10,
    candidates integer DEFAULT 100,
    weights    jsonb   DEFAULT NULL,
    seen       text    DEFAULT 'keep'
) RETURNS SETOF search_hit LANGUAGE sql STABLE BEGIN ATOMIC
SELECT * FROM search(query, CASE WHEN for_user IS NOT NULL THEN coalesce(user_named(for_user), 9223372036854775807) END,
                     search.profile, k, candidates, weights, seen);
END;

-- Films whose texts are nearest to one film's, by the cosine of centred embeddings. With a user,
-- the hundred nearest are ordered by the mean of that cosine and the user's own, which counts by
-- taste_strength().
CREATE OR REPLACE FUNCTION similar(
    to_movie bigint,
    k        integer DEFAULT 10,
    for_user bigint  DEFAULT NULL,
    profile  text    DEFAULT 'main'
) RETURNS TABLE (
    rank         bigint,
    movie_id     bigint,
    title        text,
    year         integer,
    score        double precision,
    similarity   double precision,
    content      double precision
) LANGUAGE sql STABLE BEGIN ATOMIC
WITH person AS MATERIALIZED (
    SELECT u.embedding, taste_strength(u.rating_count + u.event_count) AS strength FROM users u
    WHERE u.user_id = for_user AND u.profile = "similar".profile AND u.embedding IS NOT NULL
), nearest AS MATERIALIZED (
    SELECT n.movie_id, n.similarity
    FROM movie_vectors t
    CROSS JOIN LATERAL nearest_movies(t.content, greatest(k, 100), none_of => ARRAY[to_movie]) n
    WHERE t.movie_id = to_movie
), scored AS (
    SELECT n.*, -(v.content <#> p.embedding) AS content, p.strength
    FROM nearest n
    CROSS JOIN LATERAL (SELECT o.content FROM movie_vectors o WHERE o.movie_id = n.movie_id LIMIT 1) v
    LEFT JOIN person p ON true
), ranked AS (
    SELECT row_number() OVER (ORDER BY b.score DESC, s.movie_id) AS place, s.*, b.score
    FROM scored s
    CROSS JOIN LATERAL (
        SELECT coalesce((s.similarity + s.strength * s.content) / (1 + s.strength), s.similarity)
    ) b (score)
)
SELECT r.place, r.movie_id, m.title, m.year, r.score, r.similarity, r.content
FROM ranked r
CROSS JOIN LATERAL (SELECT f.title, f.year FROM movies f WHERE f.movie_id = r.movie_id LIMIT 1) m
WHERE r.place <= positive('k', k)
ORDER BY r.place;
END;
