-- name: due
-- Films that a service can be asked about and was not lately, those never asked first.
SELECT m.movie_id, m.tmdb_id, m.imdb_id
FROM movies m
LEFT JOIN synced s ON s.movie_id = m.movie_id AND s.service = :service AND s.locale = :locale
WHERE (m.tmdb_id IS NOT NULL OR :service = 'tmdb' AND m.imdb_id IS NOT NULL)
  AND (s.synced_at IS NULL OR s.synced_at < now() - make_interval(days => :days))
ORDER BY s.synced_at NULLS FIRST, m.rating_count DESC NULLS LAST, m.movie_id
LIMIT :limit;

-- name: done
INSERT INTO synced (movie_id, service, locale)
SELECT m.movie_id, :service, :locale FROM movies m WHERE m.movie_id = :movie_id
ON CONFLICT (movie_id, service, locale) DO UPDATE SET synced_at = now();

-- name: put_offers
-- Where a film is in a country, all of it that the service tells; rows of the operator stay.
WITH offer AS MATERIALIZED (
    SELECT o.service, o.url
    FROM jsonb_to_recordset(CAST(:offers AS jsonb)) o (service text, url text)
), gone AS (
    DELETE FROM availability a
    WHERE a.movie_id = :movie_id AND a.country = :country AND a.told_by = 'justwatch'
      AND a.service NOT IN (SELECT o.service FROM offer o)
    RETURNING 1
), put AS (
    INSERT INTO availability AS a (movie_id, service, country, url, told_by)
    SELECT m.movie_id, o.service, :country, o.url, 'justwatch'
    FROM offer o CROSS JOIN movies m WHERE m.movie_id = :movie_id
    ON CONFLICT (movie_id, service, country) DO UPDATE SET url = excluded.url
    WHERE a.told_by = 'justwatch' AND a.url <> excluded.url
    RETURNING 1
)
SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM put);
