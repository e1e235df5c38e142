-- name: finds
-- Whether a query finds films, or a film has the text for a title.
SELECT EXISTS (SELECT FROM search_matches(CAST(:query AS jsonb)))
    OR EXISTS (SELECT FROM find_titles(:typed) t
               WHERE t.level >= 'title spelt otherwise'
                 AND (CAST(:filter AS jsonb) IS NULL
                      OR t.movie_id IN (SELECT f.movie_id FROM search_matches(CAST(:filter AS jsonb)) f)));
