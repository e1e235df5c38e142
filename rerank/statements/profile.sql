-- name: user
SELECT u.user_id, (SELECT n.name FROM user_names n WHERE n.user_id = u.user_id) AS name,
       u.profile, u.rating_count, u.event_count, u.embedding IS NOT NULL AS has_vector, u.synthetic,
       to_char(u.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS updated_at,
       (SELECT round(avg(r.rating)::numeric, 3)::double precision FROM ratings r
        WHERE r.user_id = u.user_id AND r.profile = u.profile) AS mean_rating
FROM users u WHERE u.user_id = :user_id AND u.profile = :profile;

-- name: genre_means
SELECT g.genre, count(*) AS count, round(avg(r.rating)::numeric, 3)::double precision AS mean
FROM ratings r JOIN movies m USING (movie_id), unnest(m.genres) AS g(genre)
WHERE r.user_id = :user_id AND r.profile = :profile
GROUP BY g.genre ORDER BY count(*) DESC, g.genre;

-- name: taste
-- The strongest parts of each kind, in each direction.
SELECT t.kind, t.name, t.movie_id, t.share, t.films
FROM (SELECT t.*, row_number() OVER (PARTITION BY t.kind, t.share > 0
                                     ORDER BY abs(t.share) DESC, t.films DESC, t.name) AS place
      FROM taste_of(:user_id, :profile) t WHERE t.share <> 0) t
WHERE t.place <= :strongest
ORDER BY t.kind, t.place;

-- name: ratings
SELECT r.user_id, r.profile, r.movie_id, m.item_id, m.title, m.year, r.rating,
       to_char(r.rated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS rated_at
FROM ratings r JOIN movies m USING (movie_id)
WHERE r.user_id = :user_id AND r.profile = :profile
ORDER BY r.rated_at DESC, r.movie_id
LIMIT :limit OFFSET :offset;

-- name: rating
SELECT r.user_id, r.profile, r.movie_id, m.item_id, m.title, m.year, r.rating,
       to_char(r.rated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS rated_at
FROM ratings r JOIN movies m USING (movie_id)
WHERE r.user_id = :user_id AND r.profile = :profile AND r.movie_id = :movie_id;

-- name: rate
WITH rated AS (
    INSERT INTO ratings (user_id, profile, movie_id, rating)
    SELECT :user_id, :profile, movie_id, :rating FROM movies
    WHERE movie_id = :movie_id
      AND pg_advisory_xact_lock(hashtextextended('palate user', :user_id)) IS NOT NULL
    ON CONFLICT (user_id, profile, movie_id)
        DO UPDATE SET rating = excluded.rating,
            -- The same rating again is the same rating, since when it was.
            rated_at = CASE WHEN ratings.rating = excluded.rating THEN ratings.rated_at
                            ELSE excluded.rated_at END
    RETURNING *
)
SELECT r.user_id, r.profile, r.movie_id, m.item_id, m.title, m.year, r.rating,
       to_char(r.rated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS rated_at
FROM rated r JOIN movies m USING (movie_id);

-- name: unrate
DELETE FROM ratings
WHERE user_id = :user_id AND profile = :profile AND movie_id = :movie_id
  AND pg_advisory_xact_lock(hashtextextended('palate user', :user_id)) IS NOT NULL;

-- name: refresh_profiles
SELECT refresh_profiles();
