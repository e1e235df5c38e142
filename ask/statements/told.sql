-- name: known
-- What was told of a name in the last thirty days.
SELECT meant FROM told_names
WHERE name = :name AND locale = :locale AND told_at > now() - interval '30 days';

-- name: remember
INSERT INTO told_names (name, locale, meant) VALUES (:name, :locale, CAST(:meant AS jsonb))
ON CONFLICT (name, locale) DO UPDATE SET meant = excluded.meant, told_at = now();

-- name: film
SELECT movie_id FROM movies WHERE tmdb_id = :tmdb_id ORDER BY rating_count DESC NULLS LAST, movie_id LIMIT 1;
