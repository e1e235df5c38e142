-- name: snippets
-- Marks are control characters: the texts are escaped before the marks become markup.
SELECT m.movie_id,
       ts_headline('palate', m.title, q.words,
                   'HighlightAll=true, StartSel=' || :start || ', StopSel=' || :stop) AS title,
       ts_headline('palate', coalesce(m.overview, ''), q.words,
                   'MaxFragments=2, MinWords=8, MaxWords=24, FragmentDelimiter=" … ", StartSel='
                   || :start || ', StopSel=' || :stop) AS overview
FROM movies m
CROSS JOIN (
    SELECT coalesce(string_agg(nullif(plainto_tsquery('palate', w)::text, ''), ' | '), '')::tsquery
           AS words
    FROM unnest(CAST(:words AS text[])) w
) q
WHERE m.movie_id = ANY(CAST(:movie_ids AS bigint[]));

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
-- Every title once, by its words without article and spaces; and how often it was rated.
SELECT DISTINCT ON (t.joined) t.joined, t.written, t.key, m.rating_count AS ratings
FROM movie_titles t JOIN movies m USING (movie_id)
ORDER BY t.joined, m.rating_count DESC;
