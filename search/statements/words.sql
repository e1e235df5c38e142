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
SELECT word, count(DISTINCT movie_id) AS films
FROM movies m,
     unnest(ARRAY[title, original_title, director] || actors) AS t(body),
     regexp_split_to_table(
         lower(regexp_replace(normalize(body, NFD), '[\u0300-\u036f]', '', 'g')),
         '[^[:alnum:]]+') AS w(word)
WHERE word <> ''
GROUP BY word;
