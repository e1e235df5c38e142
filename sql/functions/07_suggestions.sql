-- suggest_titles(): titles as they are typed.

DO $$
DECLARE f regprocedure;
BEGIN
    FOR f IN SELECT p.oid FROM pg_proc p
             WHERE p.proname IN ('suggest_titles', 'suggestion_query', 'begins_with')
               AND p.pronamespace = current_schema()::regnamespace
               AND 'prefix' = ANY (p.proargnames)  -- a neighbour's has other arguments
    LOOP EXECUTE format('DROP FUNCTION %s', f); END LOOP;
END $$;

CREATE INDEX IF NOT EXISTS movie_titles_all_words ON movie_titles
    USING gin (to_tsvector('pg_catalog.simple', words || ' ' || coalesce(apart, '')))
    WITH (fastupdate = off);

-- All the words, the last one perhaps only begun; none where there are no words.
CREATE OR REPLACE FUNCTION begun_words(words text) RETURNS tsquery
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT string_agg(quote_literal(w.word), ' & ' ORDER BY w.place) || ':*'
    FROM string_to_table($1, ' ') WITH ORDINALITY w (word, place)
    WHERE w.word <> '' AND w.word !~ '[''\\]'
)::tsquery;

-- LIKE patterns of what begins with a text that has one mistake: a letter too many, two swapped, one
-- wrong, one missing; or an article that is joined to it, mistyped perhaps: `thematrix`, `th maltese`.
CREATE OR REPLACE FUNCTION mistaken_prefixes(joined text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN length($1) BETWEEN 4 AND 60 AND $1 ~ '^\w+$' THEN ARRAY(
    SELECT DISTINCT p.pattern || '%'
    FROM generate_series(1, length($1)) i
    CROSS JOIN LATERAL (VALUES
        (left($1, i - 1) || substr($1, i + 1)),
        (left($1, i - 1) || substr($1, i + 1, 1) || substr($1, i, 1) || substr($1, i + 2)),
        (left($1, i - 1) || '_' || substr($1, i + 1)),
        (left($1, i - 1) || '_' || substr($1, i))) p (pattern)
    WHERE p.pattern <> $1
    UNION ALL
    SELECT substr($1, length(a.article) + 1) || '%'
    FROM unnest('{the,teh,hte,th,te,he,an,a}'::text[]) a (article)
    WHERE starts_with($1, a.article) AND length($1) > length(a.article) + 2) ELSE '{}' END;

-- Titles that begin as typed stand first, then those that hold the words, the last one perhaps
-- only begun; the most rated first, and of films rated about as often those that `for_user` likes.
-- Words may be joined, and initials without dots. Where nothing is found, one mistake is forgiven,
-- from the fourth letter on, and an article that is joined or mistyped.
CREATE FUNCTION suggest_titles(
    prefix   text,
    k        integer DEFAULT 10,
    for_user bigint  DEFAULT NULL,
    profile  text    DEFAULT 'main'
) RETURNS TABLE (movie_id bigint, title text, year integer)
LANGUAGE sql STABLE BEGIN ATOMIC
WITH form AS MATERIALIZED (
    SELECT f.*, begun_words(f.words) AS query, mistaken_prefixes(f.joined) AS mistaken
    FROM forms_of(left(ltrim(prefix), 200)) f
    WHERE f.written ~ '\S'
    LIMIT 1
), as_typed AS MATERIALIZED (
    SELECT t.movie_id, starts_with(t.words, f.words) AS begins
    FROM form f JOIN movie_titles t 
      ON to_tsvector('pg_catalog.simple', t.words || ' ' || coalesce(t.apart, '')) @@ f.query
    UNION ALL
    SELECT t.movie_id, true
    FROM form f JOIN movie_titles t
      ON t.joined >= f.joined AND t.joined < f.joined || U&'\+10FFFF'
    UNION ALL
    SELECT t.movie_id, true
    FROM form f JOIN movie_titles t
      ON t.numbered >= f.numbered AND t.numbered < f.numbered || U&'\+10FFFF'
), found AS MATERIALIZED (
    SELECT a.movie_id, bool_or(a.begins) AS begins FROM as_typed a GROUP BY a.movie_id
    UNION ALL
    SELECT DISTINCT t.movie_id, true
    FROM (
        SELECT rtrim(left(p.pattern, 1), '_') AS letter, array_agg(p.pattern) AS patterns
        FROM form f CROSS JOIN unnest(f.mistaken) p (pattern) GROUP BY 1
    ) f JOIN movie_titles t  -- by the first letter an index leaves few titles to look at
      ON t.joined >= f.letter AND t.joined < f.letter || U&'\+10FFFF' AND t.joined LIKE ANY (f.patterns)
    WHERE NOT EXISTS (SELECT FROM as_typed)
), likely AS MATERIALIZED (
    SELECT f.begins, m.movie_id, m.title, m.year, m.rating_count, m.embedding
    FROM found f JOIN movies m USING (movie_id)
    ORDER BY f.begins DESC, m.rating_count DESC, m.movie_id
    LIMIT greatest(k, 0) + CASE WHEN for_user IS NULL THEN 0 ELSE 40 END
), person AS MATERIALIZED (
    SELECT u.embedding, e.mean
    FROM users u CROSS JOIN embedding_model e
    WHERE u.user_id = for_user AND u.profile = suggest_titles.profile AND u.embedding IS NOT NULL
)
SELECT l.movie_id, l.title, l.year
FROM likely l LEFT JOIN person p ON true
ORDER BY l.begins DESC,
         CASE WHEN p.mean IS NULL THEN l.rating_count::double precision
              ELSE floor(log(2, l.rating_count + 1)) END DESC,
         (l.embedding - p.mean) <=> p.embedding NULLS LAST, l.rating_count DESC, l.movie_id
LIMIT positive('k', k);
END;
