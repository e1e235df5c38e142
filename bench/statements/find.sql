-- name: films
SELECT movie_id, title, original_title, year FROM movies ORDER BY movie_id;

-- name: tasters
-- The synthetic tasters, and so many people spread over the ids.
(SELECT user_id FROM users WHERE profile = 'main' AND synthetic ORDER BY user_id LIMIT 2)
UNION ALL
(SELECT user_id FROM users WHERE profile = 'main' AND NOT synthetic AND rating_count > 0
 ORDER BY md5(user_id::text) LIMIT :users);
