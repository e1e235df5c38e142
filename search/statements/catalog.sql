-- name: movies
SELECT movie_id, item_id, title, original_title, year, imdb_id, tmdb_id, genres, overview,
       runtime_minutes, release_date::text AS release_date, director, actors, keywords, budget,
       revenue, poster_url, n.avg_rating, n.rating_count, embedding IS NOT NULL AS has_embedding,
       sentiment, budget_tier, revenue_tier, effectiveness, target_audience, estimated,
       enriched_by, to_char(enriched_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS enriched_at,
       to_char(added_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS added_at,
       own
FROM unnest(CAST(:movie_ids AS bigint[])) WITH ORDINALITY i (movie_id, place) JOIN movies USING (movie_id)
CROSS JOIN LATERAL ratings_now(movie_id) n
ORDER BY i.place;

-- name: random_movies
SELECT movie_id FROM movies ORDER BY random() LIMIT :n;

-- name: browse
-- A page of all films that match, without those that a user saw, and how many there are.
WITH found AS MATERIALIZED (
    SELECT f.movie_id FROM search_matches(CAST(:query AS jsonb)) f
    WHERE NOT EXISTS (
        SELECT FROM seen_movies s
        WHERE s.user_id = CAST(:user_id AS bigint) AND s.profile = CAST(:profile AS text)
              AND s.movie_id = f.movie_id)
),
page AS (
    SELECT m.movie_id, row_number() OVER (ORDER BY {order} NULLS LAST, m.movie_id) AS place
    FROM found JOIN movies m USING (movie_id) LEFT JOIN movie_stats s USING (movie_id)
    ORDER BY place LIMIT :k OFFSET :offset
)
SELECT (SELECT count(*) FROM found) AS total,
       ARRAY(SELECT movie_id FROM page ORDER BY place) AS movie_ids;

-- name: facets
-- How many of all films that match have each value of some columns; the most frequent ones.
WITH matching AS MATERIALIZED (
    SELECT jsonb_build_object(
        'genres', m.genres, 'actors', m.actors, 'keywords', m.keywords, 'director', m.director,
        'year', m.year, 'decade', m.year / 10 * 10 || 's', 'sentiment', m.sentiment,
        'budget_tier', m.budget_tier, 'revenue_tier', m.revenue_tier,
        'target_audience', m.target_audience) || m.own AS facts
    FROM search_matches(CAST(:query AS jsonb)) JOIN movies m USING (movie_id)
), counted AS (
    SELECT n.name, v.value, count(*) AS films,
           row_number() OVER (PARTITION BY n.name ORDER BY count(*) DESC, v.value) AS place
    FROM matching CROSS JOIN unnest(CAST(:names AS text[]) || ARRAY(
        SELECT f.name FROM own_fields f WHERE f.facet AND 'own' = ANY (CAST(:names AS text[])))) n(name)
    CROSS JOIN LATERAL jsonb_array_elements_text(
        CASE jsonb_typeof(facts -> n.name) WHEN 'array' THEN facts -> n.name
             WHEN 'null' THEN '[]' ELSE jsonb_build_array(facts -> n.name) END) v(value)
    WHERE facts ? n.name
    GROUP BY n.name, v.value
)
SELECT name, value, films FROM counted WHERE place <= 100 ORDER BY name, place;

-- name: ranges
-- The least, the greatest and the mean of numbers of all films that match.
SELECT n.name, count(n.value) AS films, min(n.value) AS least, max(n.value) AS greatest, avg(n.value) AS mean
FROM search_matches(CAST(:query AS jsonb)) JOIN movies m USING (movie_id)
CROSS JOIN LATERAL (VALUES
    ('year', m.year::double precision), ('runtime_minutes', m.runtime_minutes),
    ('avg_rating', m.avg_rating), ('rating_count', m.rating_count), ('budget', m.budget),
    ('revenue', m.revenue), ('effectiveness', m.effectiveness)) n(name, value)
WHERE n.name = ANY (CAST(:names AS text[])) AND n.value IS NOT NULL
GROUP BY n.name;

-- name: similar
SELECT s.*, m.item_id, m.genres
FROM similar(CAST(:movie_id AS bigint), :k, CAST(:user_id AS bigint), :profile) s
JOIN movies m USING (movie_id)
ORDER BY s.rank;

-- name: suggest
SELECT s.movie_id, (SELECT m.item_id FROM movies m WHERE m.movie_id = s.movie_id) AS item_id, s.title, s.year
FROM suggest_titles(:prefix, :k, CAST(:user_id AS bigint), :profile) s;

-- name: named
SELECT movie_named(:id);
