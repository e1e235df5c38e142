-- Enrichment: which films are due, their facts, and a batch of results written by one update.

-- name: try_lock
SELECT pg_try_advisory_lock(hashtextextended('palate.enrich', 0));

-- name: unlock
SELECT pg_advisory_unlock(hashtextextended('palate.enrich', 0));

-- name: missing
-- Never enriched; with a model, also those that rules alone have enriched.
SELECT movie_id FROM movies
WHERE enriched_at IS NULL OR (CAST(:by AS text) <> 'rules' AND enriched_by = 'rules')
ORDER BY movie_id LIMIT :n;

-- name: stale
-- Enriched, but of other facts; with a model, also by another model or an older prompt.
SELECT movie_id FROM movies m
WHERE enriched_at IS NOT NULL
  AND (enriched_from IS DISTINCT FROM enrichment_facts(m)
       OR (CAST(:by AS text) <> 'rules' AND enriched_by <> :by))
ORDER BY movie_id LIMIT :n;

-- name: every
SELECT movie_id FROM movies ORDER BY movie_id LIMIT :n;

-- name: known
SELECT movie_id FROM movies WHERE movie_id = ANY (:ids) ORDER BY movie_id;

-- name: facts
-- The mean of all is the middle of the scale where there are no ratings.
WITH overall AS MATERIALIZED (
    SELECT coalesce(sum(avg_rating * rating_count) / nullif(sum(rating_count), 0), 2.75) AS mean
    FROM movie_stats
)
SELECT m.movie_id, m.title, m.year, m.genres, m.keywords, m.overview,
       budget_tier(m.budget, m.year) AS budget_tier, revenue_tier(m.revenue, m.year) AS revenue_tier,
       effectiveness(m.budget, m.revenue, s.avg_rating, s.rating_count, o.mean) AS effectiveness,
       enrichment_facts(m) AS enriched_from
FROM movies m CROSS JOIN overall o LEFT JOIN movie_stats s USING (movie_id)
WHERE m.movie_id = ANY (:ids) ORDER BY m.movie_id;

-- name: lock_loads
-- The lock of every load: what a load and this write is never written in two orders.
SELECT pg_advisory_xact_lock(hashtextextended('palate.load', 0));

-- name: create_staging
CREATE TEMP TABLE staging_enrichment (
    movie_id bigint PRIMARY KEY, sentiment text, budget_tier text, revenue_tier text,
    effectiveness double precision, target_audience text, estimated text[] NOT NULL,
    enriched_by text NOT NULL, enriched_from text NOT NULL
) ON COMMIT DROP;

-- name: copy_enrichment
COPY staging_enrichment FROM STDIN;

-- name: write_enrichment
-- Rules do not take away what a model said of the same facts.
UPDATE movies m SET
    sentiment = CASE WHEN k.kept THEN m.sentiment ELSE s.sentiment END,
    target_audience = CASE WHEN k.kept THEN m.target_audience ELSE s.target_audience END,
    budget_tier = CASE WHEN k.kept THEN coalesce(s.budget_tier, m.budget_tier)
                       ELSE s.budget_tier END,
    revenue_tier = CASE WHEN k.kept THEN coalesce(s.revenue_tier, m.revenue_tier)
                        ELSE s.revenue_tier END,
    effectiveness = s.effectiveness,
    estimated = CASE WHEN k.kept THEN m.estimated ELSE s.estimated END,
    enriched_by = CASE WHEN k.kept THEN m.enriched_by ELSE s.enriched_by END,
    enriched_from = s.enriched_from,
    enriched_at = now()
FROM staging_enrichment s
JOIN movies o USING (movie_id)
CROSS JOIN LATERAL (
    SELECT s.enriched_by = 'rules' AND coalesce(o.enriched_by, 'rules') <> 'rules'
           AND o.enriched_from = s.enriched_from AS kept
) k
WHERE m.movie_id = s.movie_id;

-- name: coverage
SELECT count(*) AS films, count(enriched_at) AS enriched,
       count(*) FILTER (WHERE enriched_by <> 'rules') AS by_model,
       count(*) FILTER (WHERE enriched_from IS DISTINCT FROM enrichment_facts(m)
                          AND enriched_at IS NOT NULL) AS stale,
       count(sentiment) AS sentiment, count(budget_tier) AS budget_tier,
       count(revenue_tier) AS revenue_tier, count(effectiveness) AS effectiveness,
       count(target_audience) AS target_audience,
       count(*) FILTER (WHERE 'budget_tier' = ANY (estimated)) AS estimated_budget_tier,
       count(*) FILTER (WHERE 'revenue_tier' = ANY (estimated)) AS estimated_revenue_tier
FROM movies m;

-- name: distributions
SELECT v.name, v.value, count(*) AS films
FROM movies m CROSS JOIN LATERAL (VALUES
    ('sentiment', m.sentiment), ('budget_tier', m.budget_tier), ('revenue_tier', m.revenue_tier),
    ('effectiveness', CASE WHEN m.effectiveness IS NOT NULL  -- least() passes over a null
                      THEN floor(least(m.effectiveness, 9.99))::text END),
    ('target_audience', m.target_audience)
) v (name, value)
WHERE v.value IS NOT NULL
GROUP BY v.name, v.value;

-- name: by_model
-- What a model said, beside the facts.
SELECT movie_id, title, year, genres, overview, sentiment, target_audience, budget_tier,
       revenue_tier, estimated, enriched_by
FROM movies WHERE enriched_by <> 'rules' ORDER BY movie_id;

-- name: sample
SELECT movie_id, title, year, sentiment, target_audience, budget_tier, revenue_tier, effectiveness,
       estimated, enriched_by
FROM movies WHERE enriched_at IS NOT NULL
ORDER BY hashint8(movie_id), movie_id LIMIT :n;
