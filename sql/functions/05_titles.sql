-- Titles as people type them: each film's names in the forms that are compared, kept by triggers,
-- and find_titles(), which says how near a typed text is to a title. Both engines share this: it
-- is a handful of look-ups in plain indexes.

-- Words of a title: folded, in lower case, `&` and a lone `+` as and, apostrophes left out. Of ASCII
-- there is nothing to fold.
CREATE OR REPLACE FUNCTION title_words(text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN trim(regexp_replace(regexp_replace(lower(
    CASE WHEN octet_length($1) = length($1) THEN translate($1, '''`', '')
         ELSE fold_lookalikes(fold(translate($1, '''’‘`´ʼ′', ''))) END),
    '&|(?<=\s)\+(?=\s)', ' and ', 'g'), search_separators(), ' ', 'g'));

-- As it is written, but for case and width.
CREATE OR REPLACE FUNCTION title_written(text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN left(regexp_replace(trim(lower(normalize($1, NFKC))), '\s+', ' ', 'g'), 300);

CREATE OR REPLACE FUNCTION without_article(words text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN regexp_replace($1, '^(?:the|an?) (?=.)', '');

CREATE OR REPLACE FUNCTION number_words() RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '{"one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
        "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "thirteen": "13",
        "fourteen": "14", "fifteen": "15", "sixteen": "16", "seventeen": "17", "eighteen": "18",
        "nineteen": "19", "twenty": "20", "thirty": "30", "forty": "40", "fifty": "50",
        "sixty": "60", "seventy": "70", "eighty": "80", "ninety": "90", "hundred": "100",
        "thousand": "1000", "twent": "2", "thirt": "3", "fort": "4", "fift": "5", "sixt": "6",
        "sevent": "7", "ninet": "9", "first": "1st", "second": "2nd", "third": "3rd",
        "fourth": "4th", "fifth": "5th", "sixth": "6th", "seventh": "7th", "eighth": "8th",
        "ninth": "9th", "tenth": "10th", "eleventh": "11th", "twelfth": "12th",
        "thirteenth": "13th", "fourteenth": "14th", "fifteenth": "15th", "sixteenth": "16th",
        "seventeenth": "17th", "eighteenth": "18th", "nineteenth": "19th", "twentieth": "20th",
        "thirtieth": "30th", "fortieth": "40th", "fiftieth": "50th", "hundredth": "100th",
        "ii": "2", "iii": "3", "iv": "4", "v": "5", "vi": "6", "vii": "7", "viii": "8", "ix": "9", "x": "10", "xi": "11", "xii": "12",
        "xiii": "13", "xiv": "14", "xv": "15", "xvi": "16", "xvii": "17", "xviii": "18",
        "xix": "19", "xx": "20", "xxi": "21", "xxiii": "23", "xxx": "30",
        "mister": "mr", "missus": "mrs", "doctor": "dr", "saint": "st", "street": "st",
        "mount": "mt", "fort": "ft", "junior": "jr", "volume": "vol", "part": "pt", "versus": "vs",
        "captain": "capt", "sergeant": "sgt", "lieutenant": "lt", "professor": "prof",
        "colonel": "col", "general": "gen", "brothers": "bros", "avenue": "ave", "company": "co",
        "incorporated": "inc", "christmas": "xmas", "n": "and", "ny": "newyork",
        "nyc": "newyorkcity"}'::jsonb;

-- Words with numbers as digits, whether they are words, Roman or digits already, and with the usual
-- words short; without spaces. What only says that a number follows is left out: `kill bill 2`. Roman
-- i is left alone: it is a pronoun.
CREATE OR REPLACE FUNCTION title_numbers(words text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT string_agg(coalesce(number_words() ->> w.word, w.word), '' ORDER BY w.place)
    FROM regexp_replace(
        regexp_replace($1, '(?<=\w )(?:part|pt|vol|volume|chapter|episode|ep) i\M', '1', 'g'),
        '(?<=\w )(?:part|pt|vol|volume|chapter|episode|ep|number|no|nr) (?=(?:\d+|[ivx]+|one|two|three|four|five|six|seven|eight|nine|ten)\M)', '', 'g') n (words)
    CROSS JOIN LATERAL string_to_table(CASE
        WHEN n.words !~ 'y (?:one|two|three|four|five|six|seven|eight|nine|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)|hundred|thousand|and a half'
        THEN n.words
        ELSE regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(
            replace(n.words, 'and a half', '1 2'),
            '\m(twent|thirt|fort|fift|sixt|sevent|eight|ninet)y'
            '(?= (?:one|two|three|four|five|six|seven|eight|nine'
            '|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)\M)', '\1', 'g'),
            '\m(?:one |a )?hundred and (?=(?:one|two|three|four|five|six|seven|eight|nine)\M)',
            '10 ', 'g'),
            ' thousand(?: and)? (?=(?:one|two|three|four|five|six|seven|eight|nine)\M)', ' 00 ', 'g'),
            '(?<=\m(?:one|two|three|four|five|six|seven|eight|nine|\d)) hundred\M', ' 00', 'g'),
            '(?<=\m(?:one|two|three|four|five|six|seven|eight|nine|ten|\d|'
            'twenty|thirty|forty|fifty|hundred)) thousand\M', ' 000', 'g'),
            '\ma hundred\M', '100', 'g')
        END, ' ') WITH ORDINALITY w (word, place)
);

-- Whether title_numbers() may do more than join the words.
CREATE OR REPLACE FUNCTION has_numbers(words text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN number_words() ?| string_to_array($1, ' ') OR $1 ~ '\m(?:pt|vol|chapter|episode|ep|number|no|nr|half)\M';

-- What small words say is heard whatever they are.
CREATE OR REPLACE FUNCTION unheard_words() RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '{the,a,an,of,in,on,at,to,for,from,with,by,and,et,und,y,or,n,is,are}'::text[];

-- How one word sounds in English, roughly: of its stem, letters that are not spoken left out, consonants
-- spoken alike alike, and vowels a, front (e) or back (o).
CREATE OR REPLACE FUNCTION word_sound(word text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path FROM CURRENT SET standard_conforming_strings = on AS $$
DECLARE
    s text;
BEGIN
    IF word !~ '^[a-z]+$' THEN RETURN word; END IF;
    s := regexp_replace(word, '[sc]hun(?=s?$)', 'tion');
    s := coalesce((ts_lexize('pg_catalog.english_stem', s))[1], s);
    s := CASE s WHEN 'u' THEN 'you' WHEN 'lil' THEN 'littl' WHEN 'caus' THEN 'becaus' WHEN 'heart' THEN 'hart'
                WHEN 'men' THEN 'man' WHEN 'women' THEN 'woman' WHEN 'children' THEN 'child' ELSE s END;
    s := regexp_replace(s, '^[kg](?=n)|^w(?=r|ho)|^h(?=our|on)|(?<=[aei])g(?=n$)|(?<=m)b$|(?<=w)h(?!o)'
                           '|(?<=^g)h|(?<!^)gh|l(?=d$)', '', 'g');
    s := replace(replace(replace(replace(replace(s, 'ph', 'f'), 'ck', 'k'), 'qu', 'kw'), 'x', 'ks'), 'wa', 'wo');
    s := translate(regexp_replace(s, 'c(?=[eiy])', 's', 'g'), 'zcq', 'skk');
    s := regexp_replace(regexp_replace(s, '(.)\1+', '\1', 'g'), 'a(?=[^aeiou]e$)', 'ai');
    s := regexp_replace(s, '(?<=.[^aeiouy]|u)e$|(?<=.)w(?![aeiouy])', '', 'g');
    RETURN regexp_replace(regexp_replace(
        s, '(?<!^)[aou]*[eiy][aeiouy]*', 'e', 'g'), '[aou]*[ou][aou]*', 'o', 'g');
END $$;

-- Contractions as one word, and small words that a number may have been heard as: `she is having a baby`,
-- `saw for`.
CREATE OR REPLACE FUNCTION contracted(words text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN $1 ~ '\m(?:not|am|are|have|will|us)\M' THEN
    regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace($1,
        '\mcan ?not\M', 'cant'), '\mwill not\M', 'wont'),
        '(?<=\m(?:do|did|does|is|was|were|are|could|would|should|have|has|had)) not\M', 'nt'),
        '\mi am\M', 'im'), '\m(i|we|you|they) (?:ha(?=ve)|a(?=re)|wi(?=ll))(ve|re|ll)\M', '\1\2'),
        '\mlet us\M', 'lets')
    ELSE $1 END;

CREATE OR REPLACE FUNCTION numbers_heard(words text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN regexp_replace(regexp_replace(regexp_replace($1,
    '\mtoo\M|\mto$', '2'), '^for\M|\mfor$', '4'), '\mwon\M', '1');

-- How a title sounds, whatever its small words and the order of the others, its numbers as digits. Of small
-- words alone, as in It, each counts.
CREATE OR REPLACE FUNCTION title_sound(words text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT coalesce(string_agg(DISTINCT coalesce(number_words() ->> w.word, word_sound(w.word)), ' '), $1)
    FROM string_to_table(contracted($1), ' ') w (word)
    WHERE w.word <> ALL (unheard_words())
);

-- A film's title is at place 0, its other names follow.
CREATE TABLE IF NOT EXISTS movie_titles (
    movie_id bigint NOT NULL,
    place    integer NOT NULL,
    written  text COLLATE "C" NOT NULL,
    words    text COLLATE "C" NOT NULL,
    key      text COLLATE "C" NOT NULL,  -- words without the article
    joined   text COLLATE "C" NOT NULL,  -- and without spaces
    numbered text COLLATE "C" NOT NULL,  -- and with numbers as digits
    PRIMARY KEY (movie_id, place)
);
-- The words as the index cuts them, where apostrophes make others: the king s speech; and as they sound.
-- Only where the column is not there: searches would wait until the migration ends.
DO $$
DECLARE
    added text;
BEGIN
    FOREACH added IN ARRAY '{apart,sound}'::text[] LOOP
        IF NOT EXISTS (SELECT FROM pg_attribute a
                       WHERE a.attrelid = to_regclass(quote_ident(current_schema()) || '.movie_titles')
                         AND a.attname = added) THEN
            EXECUTE format('ALTER TABLE movie_titles ADD COLUMN %I text COLLATE "C"', added);
        END IF;
    END LOOP;
END $$;
CREATE INDEX IF NOT EXISTS movie_titles_sound ON movie_titles (sound);
CREATE INDEX IF NOT EXISTS movie_titles_key ON movie_titles (key);
CREATE INDEX IF NOT EXISTS movie_titles_joined ON movie_titles (joined);
CREATE INDEX IF NOT EXISTS movie_titles_numbered ON movie_titles (numbered);

-- The forms of one text. Of signs alone, as in $ or ?, each form is what is written. A step at a time
-- by plpgsql, for as one expression it would hold title_words() four times, and of more than a variable
-- that would be a call, not what it says.
CREATE OR REPLACE FUNCTION forms_of(
    typed text, OUT written text, OUT words text, OUT key text, OUT joined text, OUT numbered text)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path FROM CURRENT SET standard_conforming_strings = on AS $$
BEGIN
    written := title_written(typed);
    key := regexp_replace(left(typed, 300), '(?<=\d)\.5\M', '½');
    words := title_words(key);
    words := coalesce(nullif(words, ''), written);
    key := without_article(words);
    joined := replace(key, ' ', '');
    numbered := CASE WHEN has_numbers(key) THEN title_numbers(key) ELSE joined END;
END $$;

CREATE OR REPLACE FUNCTION remember_titles(ids bigint[]) RETURNS void
LANGUAGE sql SET search_path FROM CURRENT AS $$
DELETE FROM movie_titles WHERE movie_id = ANY (ids);
INSERT INTO movie_titles (movie_id, place, written, words, key, joined, numbered, sound, apart)
SELECT DISTINCT ON (m.movie_id, f.written) m.movie_id, n.place, f.*, title_sound(f.words),
       CASE WHEN n.name ~ '[''’‘`´ʼ′]'
            THEN title_words(translate(n.name, '''’‘`´ʼ′', '       ')) END
FROM movies m
CROSS JOIN LATERAL (
    SELECT 0 AS place, m.title AS name
    UNION ALL
    SELECT o.place::integer, o.name
    FROM string_to_table(m.original_title, ' / ') WITH ORDINALITY o (name, place)
    WHERE o.place <= 20
) n
CROSS JOIN LATERAL forms_of(n.name) f
WHERE m.movie_id = ANY (ids) AND f.written <> ''
ORDER BY m.movie_id, f.written, n.place;
$$;

CREATE OR REPLACE FUNCTION movies_to_titles() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_LEVEL = 'ROW' THEN  -- of logical replication
        IF TG_OP <> 'INSERT' THEN DELETE FROM movie_titles WHERE movie_id = OLD.movie_id; END IF;
        IF TG_OP <> 'DELETE' THEN PERFORM remember_titles(ARRAY[NEW.movie_id]); END IF;
    ELSIF TG_OP = 'TRUNCATE' THEN
        TRUNCATE movie_titles;
    ELSIF TG_OP = 'DELETE' THEN
        DELETE FROM movie_titles t USING old_movies o WHERE t.movie_id = o.movie_id;
    ELSIF TG_OP = 'INSERT' THEN
        PERFORM remember_titles(array_agg(movie_id)) FROM new_movies HAVING count(*) > 0;
    ELSE
        PERFORM remember_titles(array_agg(DISTINCT c.movie_id)) FROM (
            SELECT movie_id, title, original_title
            FROM (SELECT * FROM old_movies UNION ALL SELECT * FROM new_movies) m
            GROUP BY 1, 2, 3 HAVING count(*) = 1
        ) c HAVING count(*) > 0;
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER movies_titles_inserted AFTER INSERT ON movies
    REFERENCING NEW TABLE AS new_movies
    FOR EACH STATEMENT EXECUTE FUNCTION movies_to_titles();
CREATE OR REPLACE TRIGGER movies_titles_updated AFTER UPDATE ON movies
    REFERENCING NEW TABLE AS new_movies OLD TABLE AS old_movies
    FOR EACH STATEMENT EXECUTE FUNCTION movies_to_titles();
CREATE OR REPLACE TRIGGER movies_titles_deleted AFTER DELETE ON movies
    REFERENCING OLD TABLE AS old_movies
    FOR EACH STATEMENT EXECUTE FUNCTION movies_to_titles();
CREATE OR REPLACE TRIGGER movies_titles_truncated AFTER TRUNCATE ON movies
    FOR EACH STATEMENT EXECUTE FUNCTION movies_to_titles();
ALTER TABLE movies ENABLE ALWAYS TRIGGER movies_titles_truncated;
CREATE OR REPLACE TRIGGER movies_titles_replicated AFTER INSERT OR UPDATE OR DELETE ON movies
    FOR EACH ROW EXECUTE FUNCTION movies_to_titles();
ALTER TABLE movies ENABLE REPLICA TRIGGER movies_titles_replicated;

-- How near a film is to what was typed, the farthest first. Taste orders films of one level and
-- moves none to another.
DO $$ BEGIN
CREATE TYPE match_level AS ENUM ('some words', 'all words', 'words in order', 'beginning',
    'title spelt otherwise', 'title without article', 'title', 'title as written');
EXCEPTION WHEN duplicate_object THEN NULL;
END $$;

-- A text may have a year behind or before it: `Heat 1995`, `Heat [1995]`, `Heat from 1995`, `Heat '95`,
-- `(1995) Heat`, `Heat.1995.1080p`. The year is the one group of a pattern that matches. Where there is one
-- behind it, the one before it is of the title: `2001 Maniacs 2005`.
CREATE OR REPLACE FUNCTION year_pattern() RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '(?:(?<=\S)[\s,._-]*[\s,._]+(?:from\s+)?|(?<=[[:alpha:]]))[(\[]?((?:18|19|20)\d\d)(?: film(?=\)))?[)\]]?(?:[\s._]+\d{3,4}[pi]\M.*)?\s*$'
    '|(?<=\S)\s+[''’](\d\d)\s*$'
    '|^\s*[(\[]?((?:18|19|20)\d\d)[)\]]?[\s,:-]*\s+(?=\S)(?!.*(?:18|19|20)\d\d[)\]]?\s*$)';

CREATE OR REPLACE FUNCTION typed_year(typed text) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce((regexp_match(typed, year_pattern()))[1], (regexp_match(typed, year_pattern()))[3],
    CASE WHEN (regexp_match(typed, year_pattern()))[2] > '30' THEN '19' ELSE '20' END
        || (regexp_match(typed, year_pattern()))[2])::integer;

CREATE OR REPLACE FUNCTION without_year(typed text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN regexp_replace(typed, year_pattern(), '');

-- What is put before and behind a title to ask for the film: `the movie Heat`, `watch heat full movie`.
CREATE OR REPLACE FUNCTION request_before() RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '^\s*(?:(?:find|show|get|give|watch|play|stream|download|search|looking)(?:\s+(?:me|for))*\s+)?'
    '(?:(?:(?:the|a)\s+)?(?:movie|film)\s+(?:(?:called|named|titled)\s+)?)?(?=\S)';

CREATE OR REPLACE FUNCTION request_behind() RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '(?<=\S)\s+(?:(?:the|a|full|on(?=\s+(?:netflix|dvd|blu|imdb)))\s+)*(?:movies?|films?|trailer|online'
    '|streaming|download|free|netflix|dvd|blu-?\s?ray|hd|4k|uhd|\d{3,4}p|imdb|wiki|reviews?|cast|plot|ending'
    '|soundtrack|poster|subtitles|subtitled|dubbed|original|uncut)\s*$';

-- Without all of it, of which there may be more behind: `heat dvd review`.
CREATE OR REPLACE FUNCTION without_request(typed text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN regexp_replace(regexp_replace(regexp_replace(
    typed, request_before(), '', 'i'), request_behind(), '', 'i'), request_behind(), '', 'i');

CREATE OR REPLACE FUNCTION article_first(typed text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN regexp_replace(typed, '^(.*\S),?\s+(the|an?)\s*$', '\2 \1', 'i');

-- Texts that ask for more than words: only a title that is written so is meant by one.
CREATE OR REPLACE FUNCTION has_clauses(typed text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN typed ~ '[:~^+-]|AND|OR|NOT' AND has_operators(typed)
   AND typed ~ '(?<!\w)[a-z_]+:\S|(?<!\S)[+-](?=\S)|(?<!\S)(?:AND|OR|NOT)(?!\S)|[~^]';

-- What else a typed text may be the title of: with its article moved to the front, and both without the
-- year; then, less `exact` (NULL: least), without what asks for a film or stands in parentheses behind it, and with an
-- article set apart that is joined to it.
CREATE OR REPLACE FUNCTION typed_otherwise(typed text)
RETURNS TABLE (name text, year integer, exact boolean)
LANGUAGE sql IMMUTABLE BEGIN ATOMIC
WITH bare AS (
    SELECT a.asked AS whole, without_year(typed) AS name, typed_year(typed) AS year,
           regexp_replace(without_request(without_year(a.asked)), '(?<=\S)\s*\([^()]*\)\s*$', '') AS asked,
           typed_year(a.asked) AS asked_year
    FROM (SELECT without_request(typed)) a (asked)
)
SELECT b.name, b.year, true FROM bare b WHERE b.name <> typed
UNION ALL
SELECT article_first(typed), NULL, true WHERE typed ~* '\s(?:the|an?)\s*$'
UNION ALL
SELECT article_first(b.name), b.year, true
FROM bare b WHERE b.name <> typed AND b.name ~* '\s(?:the|an?)\s*$'
UNION ALL
SELECT b.whole, NULL, false FROM bare b WHERE b.whole <> typed
UNION ALL
-- A title may itself look like a request: `Scary Movie online`, `Get Hard dvd`.
SELECT regexp_replace(typed, p.pattern, '', 'i'), NULL, false
FROM bare b, (VALUES (request_before()), (request_behind())) p (pattern) WHERE b.whole <> typed
UNION ALL
SELECT article_first(b.asked), b.asked_year, false
FROM bare b WHERE b.asked NOT IN (typed, b.name, b.whole)
UNION ALL
SELECT regexp_replace(typed, p.pattern, '\1 ' || o.number, 'i'), NULL, false
FROM (VALUES ('first|1st', 1), ('second|2nd', 2), ('third|3rd', 3), ('fourth|4th', 4), ('fifth|5th', 5),
             ('sixth|6th', 6), ('seventh|7th', 7), ('eighth|8th', 8)) o (words, number)
CROSS JOIN LATERAL (VALUES ('^(.*?\S)[\s,]+(?:the\s+)?(?:' || o.words || ')(?:\s+(?:one|movie|film|part))?\s*$'),
                           ('^\s*(?:the\s+)?(?:' || o.words || ')\s+(.*?\S)(?:\s+(?:movie|film|part))?\s*$')) p (pattern)
WHERE typed ~* p.pattern AND typed ~* 'st\M|nd\M|rd\M|th\M'
UNION ALL
-- The first of a series has no number: `saw 1`, `halloween part one`; but `the wild 1` is The Wild One.
SELECT regexp_replace(typed, p.pattern, '', 'i'), NULL, NULL
FROM (VALUES ('(?<=\w)[\s,:-]+(?:part|pt\.?|vol(?:\.|ume)?|episode|ep\.?|chapter|number|no\.?|#)?\s*(?:1|one)\s*$'),
             ('(?<=\w)[\s,:-]+(?:(?:part|pt\.?)\s+i|(?:the\s+)?(?:first|1st)(?:\s+(?:one|movie|film|part))?)\s*$')) p (pattern)
WHERE typed ~* p.pattern
UNION ALL
SELECT regexp_replace(typed, p.pattern, '\1 ', 'i'), NULL, false
FROM (VALUES ('^\W*(the)(?=\w{4,}\W*$)'), ('^\W*(an)(?=\w{7,}\W*$)'), ('^\W*(a)(?=\w{7,}\W*$)')) p (pattern)
WHERE typed ~* p.pattern;
END;

-- Whether there may be any: most texts have no number, parenthesis, article or request.
CREATE OR REPLACE FUNCTION may_be_typed_otherwise(typed text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN typed ~ '[\d(]'
    OR typed ~* '^\W*(?:the|an?)|\s(?:the|an?)\s*$|\m(?:first|second|third|fourth|fifth|sixth|seventh|eighth)\M'
                 '|\s(?:one|i)\s*$'
    OR without_request(typed) <> typed;

-- Those that stand in titles as often, and say nothing alone.
CREATE OR REPLACE FUNCTION glue_words() RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '{the,a,an,of,in,on,to,for,and,with,by,from,is,it,that,what,who,where}'::text[];

-- Behind a title they ask for a copy of it; of one word before it they tell of the topic: `french war`.
CREATE OR REPLACE FUNCTION language_words() RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '{french,german,italian,spanish,japanese,korean,chinese,hindi,russian,swedish,danish}'::text[];

-- Words that ask for a film beside its title, say of what kind a copy is, or join what else is said.
CREATE OR REPLACE FUNCTION request_words() RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN glue_words() || string_to_array(
    'movie movies film films full watch stream streaming online free download torrent can i want see '
    'find show me get play search looking called named titled version hd uhd 4k 3d imax 480p 720p 1080p 2160p '
    'bluray blu ray dvd dvdrip brrip bdrip web webrip dl hdtv rip x264 x265 h264 h265 hevc xvid aac mkv mp4 avi '
    'proper extended edition remastered uncut unrated original directors cut criterion netflix hbo amazon prime '
    'hulu disney plus imdb wiki wikipedia rotten tomatoes metacritic review reviews rating ratings age score cast '
    'crew plot ending explained summary synopsis about quotes scene scenes runtime length release released made '
    'date year director directed starring trailer official teaser clip soundtrack ost poster '
    'subtitles subtitled subs sub eng english dubbed vhs pelicula completa complet gratis script screenplay actors '
    'actor actress song songs theme meaning sequel prequel remake box office oscar oscars anyone please thanks hey hi '
    'hello im you have got do does has seen google buy rent dvds stills fan', ' ')
    || language_words();

-- Films whose title stands before, behind or, as in `what is heat about`, among words that are all known of the film, its people, genres,
-- year or decade, or ask for one: `nolan inception`, `heat crime 1995`, `heat explained`; of a name of a
-- file, once the year and the copy are known, whatever follows. One word with genres or languages alone is a
-- topic: `war drama` does not ask for The War first. By plpgsql: hardly a text begins or ends with a title.
CREATE OR REPLACE FUNCTION titles_among(key text) RETURNS TABLE (movie_id bigint)
LANGUAGE plpgsql STABLE ROWS 1 SET search_path FROM CURRENT SET standard_conforming_strings = on AS $$
#variable_conflict use_column
DECLARE
    words CONSTANT text[] := string_to_array(titles_among.key, ' ');
    names text[] := '{}';
    rest text[];
    from_year text;
    to_year text;
    t record;
BEGIN
    FOR i IN 1 .. least(cardinality(words), 20) LOOP
        FOR j IN i .. least(cardinality(words), 20) LOOP
            CONTINUE WHEN i > 1 AND j < cardinality(words) AND NOT words[:i - 1] && glue_words();
            names := names || array_to_string(words[i:j], ' ');
        END LOOP;
    END LOOP;
    FOR t IN SELECT m.movie_id, m.key FROM movie_titles m WHERE m.key = ANY (names) LOOP
        rest := string_to_array(trim(replace(' ' || titles_among.key || ' ', ' ' || t.key || ' ', ' ')), ' ');
        CONTINUE WHEN rest <@ glue_words();
        SELECT min(y), max(y) INTO from_year, to_year FROM unnest(rest) y WHERE y ~ '^(?:18|19|20)\d\d$';
        RETURN QUERY
        SELECT m.movie_id
        FROM movies m
        CROSS JOIN LATERAL title_words(concat_ws(' ', m.director, array_to_string(m.actors, ' '))) p (people)
        WHERE m.movie_id = t.movie_id
          AND (t.key LIKE '% %' OR NOT rest <@ (
                  glue_words() || '{movie,movies,film,films}' || language_words()
                  || string_to_array(title_words(array_to_string(m.genres, ' ')), ' ')))
          AND (rest <@ (request_words() || ARRAY[m.year::text, right(m.year::text, 2), m.year / 10 || '0s',
                                                 m.year / 10 % 10 || '0s']
                        || string_to_array(concat_ws(' ', p.people, regexp_replace(p.people, '(?<=\w)\M', 's', 'g'),
                                                     title_words(array_to_string(m.genres, ' '))), ' ')
                        || ARRAY(SELECT y FROM unnest(rest) y WHERE m.year::text BETWEEN from_year AND to_year
                                                                AND y IN (from_year, to_year)))
               OR rest[1] = m.year::text
                  AND rest && '{480p,720p,1080p,2160p,bluray,dvdrip,webrip,brrip,hdtv}');
    END LOOP;
END $$;

-- A pattern for titles that hold the words of a text in their order: `lord rings` is in
-- `the lord of the rings`. For spaced_words().
CREATE OR REPLACE FUNCTION in_order(key text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '% ' || replace(regexp_replace(key, '[%_\\]', '\\\&', 'g'), ' ', ' % ') || ' %';

CREATE OR REPLACE FUNCTION spaced_words(key text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ' ' || replace(key, ' ', '  ') || ' ';

-- How near a title is to a text of which it has all the letters.
CREATE OR REPLACE FUNCTION title_level(
    written text, words text, key text, typed_written text, typed_words text, typed_key text
) RETURNS match_level
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN $1 = $4 THEN 'title as written'
            WHEN $2 = $5 THEN 'title'
            WHEN $3 = $6 THEN 'title without article'
            ELSE 'title spelt otherwise' END::match_level;

-- What is said of films by what was typed; of a film more than once, perhaps.
--
--   adds   the film is found by that: its title is what was typed, or begins with it, at most n of these,
--          the shortest titles first; or it is pinned. One word says too little for a beginning: with it,
--          taste would count for nothing among the hundreds of films that have the word. A part is enough
--          where words are not set apart, as in 千尋 of 千と千尋の神隠し.
--   level  how near its title is; its highest counts. Those that have the words in order are told of
--          without being added: of one word, too, so that `universal` stands before `university`, which
--          has only its stem.
--   pin    the place that an operator gave it
--   hidden an operator hides it
--
-- By plpgsql, because most of what a text may be, it is not: what is not run need not be made ready, which
-- is most of what this costs.
CREATE OR REPLACE FUNCTION typed_films(typed text, n integer DEFAULT 100)
RETURNS TABLE (movie_id bigint, level match_level, adds boolean, pin integer, hidden boolean)
LANGUAGE plpgsql STABLE ROWS 10 SET search_path FROM CURRENT SET standard_conforming_strings = on AS $$
#variable_conflict use_column
DECLARE
    f record;
    other record;
    o record;
    only_written boolean := false;
    key_words text;
    heard text;
    in_their_order text;
BEGIN
    f := forms_of(typed);
    IF f.written = '' THEN RETURN; END IF;
    IF typed ~ '[:~^+-]|AND|OR|NOT' THEN only_written := has_clauses(typed); END IF;
    RETURN QUERY
    SELECT m.movie_id, title_level(m.written, m.words, m.key, f.written, f.words, f.key),
           true, NULL::integer, false
    FROM movie_titles m
    WHERE (m.joined = f.joined OR m.numbered = f.numbered) AND (m.written = f.written OR NOT only_written)
    UNION ALL
    SELECT p.movie_id, NULL, p.place IS NOT NULL, p.place, p.place IS NULL
    FROM pins p WHERE p.query = f.words;
    IF typed ~* '[\s\d(]|^\W*(?:the|an?)' THEN
        IF may_be_typed_otherwise(typed) THEN
            FOR other IN SELECT * FROM typed_otherwise(typed) LOOP
                o := forms_of(other.name);
                CONTINUE WHEN o.written = '';
                RETURN QUERY
                SELECT m.movie_id, CASE
                    WHEN abs(other.year - y.year) IN (1, 2) THEN 'title spelt otherwise'
                    WHEN other.year IS NOT NULL AND other.year IS DISTINCT FROM y.year THEN 'beginning'
                    WHEN other.exact IS NULL THEN 'beginning'
                    WHEN other.exact THEN title_level(m.written, m.words, m.key, o.written, o.words, o.key)
                    WHEN m.written = o.written THEN 'title without article'
                    ELSE 'title spelt otherwise' END::match_level, true, NULL::integer, false
                FROM movie_titles m JOIN movies y USING (movie_id)
                WHERE (m.joined = o.joined OR m.numbered = o.numbered)
                  AND (m.written = o.written OR NOT only_written);
            END LOOP;
        END IF;
    END IF;
    IF only_written THEN
        -- Of titles to choose from the first one stands before the others: `blade OR blaze`.
        IF typed ~ '\sOR\s' AND typed !~ '[:~^+"-]|AND|NOT' THEN
            RETURN QUERY
            SELECT t.movie_id, CASE WHEN p.place = 1 THEN t.level ELSE least(t.level, 'beginning') END, t.adds, NULL::integer, false
            FROM regexp_split_to_table(typed, '\s+OR\s+') WITH ORDINALITY p (part, place)
            CROSS JOIN LATERAL typed_films(p.part, n) t
            WHERE p.place <= 20 AND t.adds AND t.level > 'beginning';
        END IF;
        RETURN;
    END IF;
    -- What follows is of the text as it is.
    IF f.words LIKE '% %' THEN
        RETURN QUERY
        SELECT m.movie_id, 'beginning'::match_level, true, NULL::integer, false FROM movie_titles m
        WHERE m.key > f.key AND m.key < f.key || U&'\+10FFFF'
          AND (f.key LIKE '% %' OR starts_with(m.words, f.words || ' '))
        ORDER BY length(m.key), m.movie_id
        LIMIT n;
    END IF;
    IF length(f.numbered) > 5 THEN
        -- The same with words joined, spidermanh, or numbers written otherwise, rocky 2 r.
        RETURN QUERY
        SELECT m.movie_id, 'beginning'::match_level, true, NULL::integer, false FROM movie_titles m
        WHERE m.numbered > f.numbered AND m.numbered < f.numbered || U&'\+10FFFF'
          AND (f.numbered ~ '\d' AND substr(m.numbered, length(f.numbered) + 1, 1) !~ '\d'
               OR CASE WHEN m.key LIKE '% %' AND NOT starts_with(m.key, f.key || ' ') AND f.joined ~ '^\w+$'
                       THEN m.key ~ ('^' || regexp_replace(f.joined, '(.)', '\1 ?', 'g') || '(?<= )')
                  END)
        ORDER BY length(m.key), m.movie_id
        LIMIT n;
    END IF;
    IF f.key ~ '^[a-z]{2,4}$' THEN
        -- Initials that a longer title begins with, `et`, `ai`, unless titles begin with the word, as with `la`.
        -- The index is of keys, which have no article.
        key_words := regexp_replace(f.key, '(.)', '\1 ', 'g');
        RETURN QUERY
        SELECT m.movie_id, 'beginning'::match_level, true, NULL::integer, false FROM movie_titles m
        WHERE m.key > without_article(key_words) AND m.key < without_article(key_words) || U&'\+10FFFF'
          AND starts_with(m.words, key_words) AND m.words !~ ('^' || key_words || '\w(?: |$)')
          AND NOT EXISTS (SELECT FROM movie_titles o
                          WHERE o.key > f.key || ' ' AND o.key < f.key || ' ' || U&'\+10FFFF');
    END IF;
    IF f.key ~ '^[a-z]{4,}$' THEN
        -- One word stands in order wherever it stands.
        RETURN QUERY
        SELECT t.movie_id, 'words in order'::match_level, false, NULL::integer, false FROM movie_titles t
        WHERE to_tsvector('pg_catalog.simple', t.words || ' ' || coalesce(t.apart, '')) @@ f.key::tsquery;
        IF NOT FOUND OR f.words <> f.key THEN
            RETURN QUERY
            SELECT t.movie_id, 'title spelt otherwise'::match_level, true, NULL::integer, false
            FROM movie_titles t  -- the singular or plural; too many words sound alike
            WHERE t.sound = title_sound(f.words)
              AND regexp_replace(t.key, '(?:ie)?s$|y$', '') = regexp_replace(f.key, '(?:ie)?s$|y$', '');
        END IF;
        RETURN;
    END IF;
    IF f.joined ~ '^[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+$' THEN
        RETURN QUERY
        SELECT m.movie_id, 'words in order'::match_level, true, NULL::integer, false FROM movie_titles m
        WHERE m.joined LIKE '%' || f.joined || '%'
        ORDER BY length(m.key), m.movie_id
        LIMIT n;
    END IF;
    key_words := CASE WHEN typed ~ '\d' THEN without_article(title_words(without_year(typed)))
                      WHEN f.key ~ '\w' THEN f.key END;
    IF key_words <> '' THEN
        in_their_order := in_order(key_words);  -- once, not for each title
        -- Of the titles that have the words, which an index finds, those that have them in order.
        RETURN QUERY
        SELECT t.movie_id, 'words in order'::match_level, false, NULL::integer, false FROM movie_titles t
        WHERE to_tsvector('pg_catalog.simple', t.words || ' ' || coalesce(t.apart, ''))
              @@ plainto_tsquery('pg_catalog.simple', key_words)
          AND (spaced_words(t.key) LIKE in_their_order OR spaced_words(t.apart) LIKE in_their_order);
        IF FOUND THEN RETURN; END IF;
    END IF;
    IF f.key LIKE '% %' THEN
        RETURN QUERY
        SELECT t.movie_id, 'title spelt otherwise'::match_level, true, NULL::integer, false FROM movie_titles t
        WHERE to_tsvector('pg_catalog.simple', t.words || ' ' || coalesce(t.apart, ''))
              @@ plainto_tsquery('pg_catalog.simple', f.words)
          AND length(t.words) = length(f.words)  -- the same in another order
        UNION ALL
        SELECT t.movie_id, 'title spelt otherwise', true, NULL, false
        FROM movie_titles t JOIN movies m USING (movie_id)
        WHERE key_words <> f.key AND t.sound = title_sound(key_words) AND m.year = typed_year(typed)
        UNION ALL
        SELECT a.movie_id, 'beginning', true, NULL, false FROM titles_among(f.key) a;
        FOREACH heard IN ARRAY ARRAY[numbers_heard(f.words), f.words] LOOP
            RETURN QUERY
            SELECT t.movie_id, 'title spelt otherwise'::match_level, true, NULL::integer, false
            FROM movie_titles t
            WHERE t.sound = title_sound(heard)
              AND (length(t.sound) > 3 OR abs(length(t.key) - length(f.key)) <= 3)
            ORDER BY abs(length(t.key) - length(f.key)) + 2 * (left(t.key, 1) <> left(f.key, 1))::integer
                     + 2 * (right(t.key, 1) <> right(f.key, 1))::integer
            FETCH FIRST ROW WITH TIES;
            EXIT WHEN FOUND;
        END LOOP;
    END IF;
END $$;

-- Films whose title is what was typed, or begins with it, each once.
CREATE OR REPLACE FUNCTION find_titles(typed text, n integer DEFAULT 100)
RETURNS TABLE (movie_id bigint, level match_level)
LANGUAGE sql STABLE BEGIN ATOMIC
SELECT t.movie_id, max(t.level) FROM typed_films(typed, n) t
WHERE t.adds AND t.pin IS NULL GROUP BY t.movie_id;
END;

-- Makes the forms again from the films; returns how many films there are.
CREATE OR REPLACE FUNCTION refresh_titles() RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    ids bigint[];
BEGIN
    LOCK TABLE movies IN SHARE ROW EXCLUSIVE MODE;
    SELECT array_agg(movie_id) INTO ids FROM movies;
    DELETE FROM movie_titles;
    PERFORM remember_titles(ids);
    RETURN coalesce(cardinality(ids), 0);
END $$;

-- A change of this file, or of what fold() is made of, makes the forms again.
SELECT refresh_titles();
