-- name: raters
SELECT user_id FROM users WHERE profile = 'main' AND rating_count > 0
ORDER BY rating_count DESC, user_id
LIMIT :n;
