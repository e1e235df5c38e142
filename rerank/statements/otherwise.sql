-- name: finds
-- Whether a query finds films, or a film has the text for a title, or its beginning.
SELECT EXISTS (SELECT FROM search_matches(CAST(:query AS jsonb)))
    OR EXISTS (SELECT FROM find_titles(CAST(:typed AS text)) t
               WHERE t.level >= 'beginning'
                 AND (CAST(:filter AS jsonb) IS NULL
                      OR t.movie_id IN (SELECT f.movie_id FROM search_matches(CAST(:filter AS jsonb)) f)));

-- name: alike
-- The titles that sound like a text of one word and an article.
SELECT DISTINCT t.joined FROM movie_titles t
WHERE t.sound = title_sound(CAST(:typed AS text)) AND length(t.sound) > 2;
