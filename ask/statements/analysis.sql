-- name: preferences
-- One round trip: the groups, how the stars are spread, and how ratings go with effectiveness.
SELECT p.*, d.distribution, e.n AS effective_films, e.r
FROM preferences(CAST(:user_id AS bigint), :profile) WITH ORDINALITY p
CROSS JOIN (
    SELECT jsonb_object_agg(s.stars, s.n) AS distribution
    FROM (SELECT to_char(r.rating, 'FM0.0') AS stars, count(*) AS n
          FROM ratings r WHERE r.user_id = :user_id AND r.profile = :profile
          GROUP BY 1) s
) d
CROSS JOIN (
    SELECT count(*) AS n, corr(r.rating, m.effectiveness) AS r
    FROM ratings r JOIN movies m USING (movie_id)
    WHERE r.user_id = :user_id AND r.profile = :profile AND m.effectiveness IS NOT NULL
) e
ORDER BY p.ordinality;

-- name: films
SELECT * FROM compare(CAST(:movie_ids AS bigint[]));
