-- name: stems
-- Words as the index compares them.
SELECT w.word, coalesce((ts_lexize('palate_stem', f.word))[1], f.word) AS stem
FROM unnest(CAST(:words AS text[])) w (word)
CROSS JOIN LATERAL (SELECT lower(search_clean(w.word)) AS word) f;

-- name: vocabulary
-- Every word of titles and people, and in how many films.
SELECT w.word, count(DISTINCT t.movie_id) AS films
FROM (
    SELECT movie_id, words FROM movie_titles
    UNION ALL
    SELECT movie_id, title_words(body)
    FROM movies m, unnest(array_append(m.actors, m.director)) AS p (body)
) t CROSS JOIN LATERAL string_to_table(t.words, ' ') AS w (word)
WHERE w.word <> ''
GROUP BY w.word;

-- name: names
-- Every title once, by its words without article and spaces; the most rated first.
SELECT t.joined, t.key, t.written, max(m.rating_count) AS ratings
FROM movie_titles t JOIN movies m USING (movie_id)
GROUP BY t.joined, t.written, t.key
ORDER BY ratings DESC, t.written;
