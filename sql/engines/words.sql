-- What both engines share: how text is cut into words. The Python twin is in sql/syntax.py,
-- sql/text.py and search/query.py; a test holds them together.

-- What stands between words, in any locale.
CREATE OR REPLACE FUNCTION search_separators() RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8'
       '\u00bb-\u00bf\u00d7\u00f7\u2000-\u206f\u20a0-\u20cf\u2190-\u245f\u2500-\u2bff'
       '\u2e00-\u2e7f\u3000-\u3004\u3008-\u3020\u3030\u303d-\u303f\u30fb\ue000-\uf8ff'
       '\ufe00-\ufe6f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65\uffe0-\uffff'
       '\U0001f000-\U0001faff\U000e0000-\U0010ffff]+'
$$;

-- Text with plain letters: Latin ones without accents and in pairs where they are joined. Texts
-- beyond 100,000 characters are cut. Functions that an index is made of are bound to each other
-- when they are made (RETURN), so that they work whatever the search_path of who writes. Whoever
-- changes them changes postgres.sql and paradedb.sql too, so that the index is made again.
CREATE OR REPLACE FUNCTION fold(text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN octet_length($1) = length($1) THEN left($1, 100000)
    ELSE replace(replace(replace(replace(replace(replace(replace(replace(translate(
        normalize(regexp_replace(normalize(left($1, 100000), NFD),
            '([A-Za-z])[\u0300-\u036f]+', '\1', 'g'), NFC),
        'øØłŁđĐðÐħĦı²³¹', 'oOlLdDdDhHi231'),
        'ß', 'ss'), 'ẞ', 'SS'), 'æ', 'ae'), 'Æ', 'AE'), 'œ', 'oe'), 'Œ', 'OE'), 'þ', 'th'), 'Þ', 'TH')
END;

-- Text as it is compared: folded, and nothing between words but spaces.
CREATE OR REPLACE FUNCTION search_clean(text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN octet_length($1) = length($1)
    THEN regexp_replace(left($1, 100000), '[^0-9A-Za-z]+', ' ', 'g')
    ELSE regexp_replace(fold($1), search_separators(), ' ', 'g')
END;

-- Whether a title begins as typed, with or without its article.
CREATE OR REPLACE FUNCTION begins_with(title text, prefix text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT starts_with(lower(title), lower(prefix))
    OR starts_with(lower(title), 'the ' || lower(prefix))
    OR starts_with(lower(title), 'a ' || lower(prefix))
    OR starts_with(lower(title), 'an ' || lower(prefix))
$$;

-- Whether a text is more than words and "phrases".
CREATE OR REPLACE FUNCTION has_operators(q text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT q ~ ('[(){}\[\]^~*<>\\]|:(?=\S)|(?<!\S)(?:title|original_title|director|actors|keywords'
            '|genres|overview|year|avg_rating|rating_count|runtime_minutes|imdb_id|tmdb_id|movie_id'
            '|sentiment|budget_tier|revenue_tier|target_audience|effectiveness)\s*:'
            '|(?<!\S)[+-](?=\S)|(?<!\S)(?:AND|OR|NOT)(?!\S)')
$$;

-- A text without the names of fields.
CREATE OR REPLACE FUNCTION without_fields(q text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT regexp_replace(q, '(?<!\w)(?:title|original_title|director|actors|keywords|genres|overview'
    '|year|avg_rating|rating_count|runtime_minutes|imdb_id|tmdb_id|movie_id'
    '|sentiment|budget_tier|revenue_tier|target_audience|effectiveness)\s*:', ' ', 'g')
$$;

-- The words and "phrases" of a text in order, counted from 0. Stop words stay only when nothing
-- else is there. At most 100 of the first 2,000 characters, as the settings' defaults say.
CREATE OR REPLACE FUNCTION parse_words(q text)
RETURNS TABLE (number bigint, phrase boolean, words text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
WITH part AS (
    SELECT p.number, p.part[1] IS NOT NULL AS quoted,
           trim(regexp_replace(coalesce(p.part[1], p.part[2]), search_separators(), ' ', 'g')) AS words
    FROM regexp_matches(translate(left(normalize(q, NFC), 2000), '“”„', '"""'), '"([^"]*)"|([^"]+)', 'g')
         WITH ORDINALITY p (part, number)
), item AS (
    SELECT p.number, w.place, false AS phrase, w.word AS words
    FROM part p CROSS JOIN LATERAL string_to_table(p.words, ' ') WITH ORDINALITY w (word, place)
    WHERE w.word <> '' AND NOT (p.quoted AND p.words LIKE '% %')
    UNION ALL
    SELECT p.number, 1, true, p.words FROM part p WHERE p.quoted AND p.words LIKE '% %'
    ORDER BY 1, 2
    LIMIT 100
), judged AS (
    SELECT i.*, NOT i.phrase AND lower(i.words) = ANY (string_to_array(
        'a an and are as at be by for from in is not of on or that the this to was with', ' ')) AS stop
    FROM item i
)
SELECT row_number() OVER (ORDER BY j.number, j.place) - 1, j.phrase, j.words
FROM judged j
WHERE NOT j.stop OR NOT EXISTS (SELECT FROM judged o WHERE NOT o.stop)
$$;
