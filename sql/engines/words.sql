-- What both engines share: how text is cut into words. The Python twin is in sql/syntax.py,
-- sql/text.py and search/query.py; a test holds them together.

-- What a film says in a field of one's own, as a list.
CREATE OR REPLACE FUNCTION own_list(value jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN value IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text(
    CASE jsonb_typeof(value) WHEN 'array' THEN value ELSE jsonb_build_array(value) END)) END;

-- What stands between words, in any locale.
CREATE OR REPLACE FUNCTION search_separators() RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE BEGIN ATOMIC
SELECT '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8'
       '\u00bb-\u00bf\u00d7\u00f7\u2000-\u206f\u20a0-\u20cf\u2190-\u245f\u2500-\u2bff'
       '\u2e00-\u2e7f\u3000-\u3004\u3008-\u3020\u3030\u303d-\u303f\u30fb\ue000-\uf8ff'
       '\ufe00-\ufe6f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65\uffe0-\uffff'
       '\U0001f000-\U0001faff\U000e0000-\U0010ffff]+';
END;

-- The letters that fold() takes for others, after marks are gone and forms are compatible ones (NFKD):
-- those that are equal to them at the first level of Unicode's collation (UTS 10), as ICU 72 says in
-- its root locale. Python has them in sql/text.py; a test holds them together.
CREATE OR REPLACE FUNCTION fold_letters(text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN translate($1,
    'ÐØðøĐđĦħŁł٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹߀߁߂߃߄߅߆߇߈߉०१२३४५६७८९০১২৩৪৫৬৭৮৯੦੧੨੩੪੫੬੭੮੯૦૧૨૩૪૫૬૭૮૯'
    '୦୧୨୩୪୫୬୭୮୯௦௧௨௩௪௫௬௭௮௯౦౧౨౩౪౫౬౭౮౯೦೧೨೩೪೫೬೭೮೯൦൧൨൩൪൫൬൭൮൯෦෧෨෩෪෫෬෭෮෯๐๑๒๓๔๕๖๗๘๙໐໑໒໓໔໕໖໗໘໙'
    '༠༡༢༣༤༥༦༧༨༩၀၁၂၃၄၅၆၇၈၉႐႑႒႓႔႕႖႗႘႙០១២៣៤៥៦៧៨៩᠐᠑᠒᠓᠔᠕᠖᠗᠘᠙᥆᥇᥈᥉᥊᥋᥌᥍᥎᥏᧐᧑᧒᧓᧔᧕᧖᧗᧘᧙᪀᪁᪂᪃᪄᪅᪆᪇᪈᪉'
    '᪐᪑᪒᪓᪔᪕᪖᪗᪘᪙᭐᭑᭒᭓᭔᭕᭖᭗᭘᭙᮰᮱᮲᮳᮴᮵᮶᮷᮸᮹᱀᱁᱂᱃᱄᱅᱆᱇᱈᱉᱐᱑᱒᱓᱔᱕᱖᱗᱘᱙ᵹ꘠꘡꘢꘣꘤꘥꘦꘧꘨꘩ꝚꝛꝹꝺꝻꝼꝽꞂꞃꞄꞅꞆꞇꞚꞛꞜꞝꞞꞟ'
    'ꞠꞡꞢꞣꞤꞥꞦꞧꞨꞩꟀꟁꟂꟃꟘꟙ꣐꣑꣒꣓꣔꣕꣖꣗꣘꣙꤀꤁꤂꤃꤄꤅꤆꤇꤈꤉꧐꧑꧒꧓꧔꧕꧖꧗꧘꧙꧰꧱꧲꧳꧴꧵꧶꧷꧸꧹꩐꩑꩒꩓꩔꩕꩖꩗꩘꩙꯰꯱꯲꯳꯴꯵꯶꯷꯸꯹Ǯʒςᲀ'
    'ҐґᲁꙨꙪꙬꚘꚚᲂꙩꙫꙭꙮꚙꚛᲃᲄᲅᲆᲇךםןףץꙋぁァアぃィイぅゥウぇェエぉォオゕカヵキクㇰゖケヶコサシㇱスㇲセソタチっッツテトㇳナニヌㇴネノハㇵヒㇶフㇷヘㇸ'
    'ホㇹマミムㇺメモゃャヤゅュユょョヨラㇻリㇼルㇽレㇾロㇿゎヮワヰヱヲンı',
    'DOdoDdHhLl0123456789012345678901234567890123456789012345678901234567890123456789'
    '01234567890123456789012345678901234567890123456789012345678901234567890123456789'
    '01234567890123456789012345678901234567890123456789012345678901234567890123456789'
    '01234567890123456789012345678901234567890123456789g0123456789RrDdFfGRrSsTtAaOoUu'
    'GgKkNnRrSsAaWwSs012345678901234567890123456789012345678901234567890123456789Ʒǯσв'
    'ГгдОООООооооооосттъѣכמנפצᲈあああいいいうううえええおおおかかかきくくけけけこさししすすせそたちつつつてととなにぬぬねのははひひふふへへ'
    'ほほまみむむめもやややゆゆゆよよよららりりるるれれろろわわわゐゑをんi');

-- Greek and Cyrillic letters that look like Latin ones (UTS 39), for words that mix them.
CREATE OR REPLACE FUNCTION fold_lookalikes(text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN $1 ~ '[A-Za-z][\u0370-\u052f]|[\u0370-\u052f][A-Za-z]' THEN (
    SELECT string_agg(CASE WHEN w.word ~ '[A-Za-z]' THEN translate(w.word,
        'ͿΑΒΕΖΗΙΚΜΝΟΡΤΥΧαγνορυϜϳϺЅІЈАВЕКМНОРСТУХЬагеорсухѕіјѡѴѵҮүһҽӀӏԁԌԛԜԝι',
        'JABEZHIKMNOPTYXayvopuFjMSIJABEKMHOPCTYXBareopcyxsijwVvYyheIidGqWwi') ELSE w.word END, ' ' ORDER BY w.place)
    FROM string_to_table($1, ' ') WITH ORDINALITY w (word, place))
    ELSE $1 END;

-- Text with plain letters: without accents and points, one letter for each of its forms, two where
-- they are joined. Case stays. Texts beyond 100,000 characters are cut. Functions that an index is
-- made of are bound to each other when they are made (RETURN), so that they work whatever the
-- search_path of who writes. Whoever changes them changes postgres.sql and paradedb.sql too, so that
-- the index is made again.
CREATE OR REPLACE FUNCTION fold(text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN octet_length($1) = length($1) THEN left($1, 100000)
    ELSE replace(replace(replace(replace(replace(replace(replace(replace(fold_letters(
        normalize(regexp_replace(normalize(
            regexp_replace(translate(left($1, 100000), '™℠', '  '), '([¼-¾⅐-⅞])', ' \1', 'g'), NFKD),
            '([A-Za-zÆØæø\u0370-\u03ff\u0400-\u0417\u0419-\u0437\u0439-\u052f\u1f00-\u1fff])'
            '[\u0300-\u036f]+|([Ии])[\u0300-\u0305\u0307-\u036f]+|[\u0591-\u05bd\u05bf\u05c1'
            '\u05c2\u05c4\u05c5\u05c7\u0640\u064b-\u0652\u0670\u3099\u309a]',
            '\1\2', 'g'), NFC)),
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

-- In a text all in capitals, AND, OR, NOT and TO are words of it.
CREATE OR REPLACE FUNCTION read_capitals(q text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE BEGIN ATOMIC
SELECT CASE WHEN q !~ '[a-z]'
                 AND regexp_replace(q, '(?<![A-Za-z0-9_])(?:AND|OR|NOT|TO)(?![A-Za-z0-9_])', '', 'g') ~ '[A-Z]'
    THEN regexp_replace(regexp_replace(regexp_replace(regexp_replace(q,
        '(?<![A-Za-z0-9_])AND(?![A-Za-z0-9_])', 'and', 'g'),
        '(?<![A-Za-z0-9_])OR(?![A-Za-z0-9_])', 'or', 'g'),
        '(?<![A-Za-z0-9_])NOT(?![A-Za-z0-9_])', 'not', 'g'),
        '(?<![A-Za-z0-9_])TO(?![A-Za-z0-9_])', 'to', 'g')
    ELSE q END;
END;

-- Whether a text is more than words and "phrases".
CREATE OR REPLACE FUNCTION has_operators(q text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE BEGIN ATOMIC
SELECT read_capitals(q) ~ ('[(){}\[\]^~*<>\\]|:(?=\S)|(?<!\S)(?:title|original_title|director|actors|keywords'
            '|genres|overview|year|avg_rating|rating_count|runtime_minutes|imdb_id|tmdb_id|movie_id'
            '|sentiment|budget_tier|revenue_tier|target_audience|effectiveness)\s*:'
            '|(?<!\S)[+-](?=\S)|(?<!\S)(?:AND|OR|NOT)(?!\S)');
END;

-- A text without the names of fields.
CREATE OR REPLACE FUNCTION without_fields(q text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE BEGIN ATOMIC
SELECT regexp_replace(q, '(?<!\w)(?:title|original_title|director|actors|keywords|genres|overview'
    '|year|avg_rating|rating_count|runtime_minutes|imdb_id|tmdb_id|movie_id'
    '|sentiment|budget_tier|revenue_tier|target_audience|effectiveness)\s*:', ' ', 'g');
END;

-- A text without what only says that films are asked for: `movies with robots in space`,
-- `robot movies`.
CREATE OR REPLACE FUNCTION without_lead(q text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE BEGIN ATOMIC
SELECT CASE WHEN has_operators(q) THEN q ELSE regexp_replace(q,
    '^\s*(?:(?:find|show|give|recommend)(?: me)? )?(?:(?:a|an|some|any|good|great|the best) )*'
    '(?:movies?|films?) (?:with|about|where|in which|set in|starring|featuring) (?=\S)'
    '|(?<=\w\w)(?<!^the)(?<!^an)\s+(?:movies|films)\s*$', '', 'gi') END;
END;

-- The words and "phrases" of a text in order, counted from 0. Stop words stay only when nothing
-- else is there. At most 100 of the first 2,000 characters, 20 of them phrases of up to 30 words, as
-- the settings' defaults say.
CREATE OR REPLACE FUNCTION parse_words(q text)
RETURNS TABLE (number bigint, phrase boolean, words text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE BEGIN ATOMIC
WITH part AS (
    SELECT p.number, p.part[1] IS NOT NULL AS quoted,
           trim(regexp_replace(coalesce(p.part[1], p.part[2]), search_separators(), ' ', 'g')) AS words
    FROM regexp_matches(translate(left(without_lead(normalize(read_capitals(q), NFC)), 2000), '“”„', '"""'), '"([^"]*)"|([^"]+)', 'g')
         WITH ORDINALITY p (part, number)
), read AS (
    SELECT p.number, p.words, q.phrase AND cardinality(string_to_array(p.words, ' ')) <= 30
               AND count(*) FILTER (WHERE q.phrase) OVER (ORDER BY p.number) <= 20 AS phrase
    FROM part p CROSS JOIN LATERAL (SELECT p.quoted AND p.words LIKE '% %') q (phrase)
), item AS (
    SELECT p.number, w.place, false AS phrase, w.word AS words
    FROM read p CROSS JOIN LATERAL string_to_table(p.words, ' ') WITH ORDINALITY w (word, place)
    WHERE w.word <> '' AND NOT p.phrase
    UNION ALL
    SELECT p.number, 1, true, p.words FROM read p WHERE p.phrase
    ORDER BY 1, 2
    LIMIT 100
), judged AS (
    SELECT i.*, NOT i.phrase AND lower(i.words) = ANY (string_to_array(
        'a an and are as at be by for from in is not of on or that the this to was with', ' ')) AS stop
    FROM item i
)
SELECT row_number() OVER (ORDER BY j.number, j.place) - 1, j.phrase, j.words
FROM judged j
WHERE NOT j.stop OR NOT EXISTS (SELECT FROM judged o WHERE NOT o.stop);
END;

-- The error for a value that a call does not know, rather than an answer to another question.
-- Called only where there is one.
CREATE OR REPLACE FUNCTION refuse_argument(name text, given text, known text) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
BEGIN
    RAISE EXCEPTION 'unknown %: %', name, given
        USING ERRCODE = 'invalid_parameter_value', HINT = 'Known: ' || known || '.';
END $$;

-- How many, where less than one, or nobody knows how many, is no answer to anything.
CREATE OR REPLACE FUNCTION positive(name text, n integer) RETURNS integer
LANGUAGE sql STABLE
RETURN CASE WHEN n >= 1 THEN n ELSE refuse_argument(name, coalesce(n::text, 'NULL'), '1 and more')::integer END;
