-- name: find
SELECT t.movie_id, t.level::text AS level FROM find_titles(:typed) t ORDER BY t.level DESC, t.movie_id;

-- name: search
SELECT h.movie_id, h.level::text AS level
FROM search(CAST(:typed AS text), for_user => :user_id, k => 30) h;

-- name: weighted
SELECT h.movie_id, h.level::text AS level
FROM search(CAST(:typed AS text), k => 30, weights => CAST(:weights AS jsonb)) h;

-- name: fold
SELECT fold(:text);

-- name: folded
-- Every letter and digit of the basic plane, alone and behind an ASCII letter.
SELECT c, fold(chr(c)), fold('x' || chr(c))
FROM generate_series(161, 65533) c
WHERE c NOT BETWEEN 55296 AND 57343;

-- name: words
SELECT title_words(:text);

-- name: numbers
SELECT title_numbers(title_words(:text));

-- name: suggest
SELECT title FROM suggest_titles(:prefix, 5, CAST(:user_id AS bigint));

-- name: titles
SELECT movie_id, place, written, words, key, joined, numbered FROM movie_titles ORDER BY 1, 2;

-- name: refresh
SELECT refresh_titles();

-- name: rename
UPDATE movies SET title = :title, original_title = :original WHERE movie_id = :id;
