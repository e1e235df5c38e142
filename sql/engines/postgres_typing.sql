-- parse_query(): what people type at psql. Plain words and "phrases" are read as the service reads
-- them. So are the usual operators: AND, OR, NOT, + and -, parentheses, field:word, field:"a b",
-- year:1999, year:>1999, year:[2000 TO 2020], matr*, "lord rings"~2, lord^2. Text that these do not
-- explain is searched as plain words.
CREATE OR REPLACE FUNCTION query_fields() RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
SELECT '{"title": 3.0, "original_title": 2.0, "director": 1.5, "actors": 1.5, "keywords": 1.0,
         "genres": 1.0, "overview": 1.0}'::jsonb
    || coalesce((SELECT jsonb_object_agg(f.name, f.boost) FROM own_fields f WHERE f.boost IS NOT NULL), '{}');
END;

CREATE OR REPLACE FUNCTION query_word(
    kind text, words text, field text DEFAULT NULL, boost double precision DEFAULT 1
) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC
SELECT jsonb_build_object('kind', kind, 'text', words)
    || CASE WHEN field IS NULL THEN jsonb_build_object('fields', query_fields(), 'tie', 0.1)
            ELSE jsonb_build_object('fields', jsonb_build_object(field, 1.0)) END
    || CASE WHEN kind = 'prefix' THEN '{"score": 1.0}'::jsonb ELSE '{}' END
    || CASE WHEN boost <> 1 THEN jsonb_build_object('boost', boost) ELSE '{}' END;
END;

CREATE OR REPLACE FUNCTION query_of_words(q text, operator text) RETURNS jsonb
LANGUAGE sql STABLE BEGIN ATOMIC
SELECT CASE count(*)
    WHEN 0 THEN '{"words": [], "match": ["-"]}'::jsonb
    ELSE jsonb_build_object(
        'words', jsonb_agg(query_word(CASE WHEN w.phrase THEN 'phrase' ELSE 'match' END, w.words) ORDER BY w.number),
        'match', CASE count(*) WHEN 1 THEN '[0]'::jsonb ELSE
            '["("]'::jsonb
            || (SELECT jsonb_agg(t.token ORDER BY o.number, t.place)
                FROM parse_words(q) o
                CROSS JOIN LATERAL (VALUES (1, to_jsonb(operator)), (2, to_jsonb(o.number))) t (place, token)
                WHERE o.number > 0 OR t.place = 2)
            || '[")"]'::jsonb END) END
FROM parse_words(q) w;
END;

CREATE OR REPLACE FUNCTION parse_query(q text) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
BEGIN
    IF has_operators(q) THEN
        RETURN coalesce(parse_operators(left(read_capitals(q), 2000)), query_of_words(without_fields(q), '&'));
    END IF;
    RETURN query_of_words(q, '&');
END $$;

CREATE OR REPLACE FUNCTION parse_query_loose(q text) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
BEGIN
    IF has_operators(q) OR (SELECT count(*) FROM parse_words(q)) < 2 THEN
        RETURN NULL;
    END IF;
    RETURN query_of_words(q, '|');
END $$;

-- Text with operators, NULL where they do not fit together or cost more than the settings' defaults allow:
-- more than 100 clauses, 20 phrases, 20 places of slop in all, 30 words in one. From the 21st on a prefix is a whole word. The level of a parenthesis is written
-- "( ( a | b ) & ( c ) )", because words side by side bind less than OR does.
CREATE OR REPLACE FUNCTION parse_operators(q text) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET standard_conforming_strings = on AS $$
DECLARE
    rest text := q;
    words jsonb := '[]';
    match jsonb := '["("]';
    depth integer := 0;
    silent integer;          -- depth at which a NOT began
    negated boolean := false;
    complete boolean := false;  -- the last token was an operand
    prefixes integer := 0;
    phrases integer := 0;
    slop integer := 0;
    part text[];
    word jsonb;
    taken integer;
BEGIN
    LOOP
        rest := ltrim(rest, E' \t\r\n');
        EXIT WHEN rest = '';
        part := regexp_match(rest, '^(?:(AND|OR|NOT)(?=[\s(]|$)|([-+(]|\)|\*(?=[\s)]|$)))');
        IF part[1] IN ('AND', 'OR') THEN
            IF NOT complete THEN RETURN NULL; END IF;
            match := match || to_jsonb(CASE part[1] WHEN 'AND' THEN '&' ELSE '|' END);
            complete := false;
        ELSIF part[2] = ')' THEN
            IF NOT complete OR depth = 0 THEN RETURN NULL; END IF;
            match := match || '[")", ")"]'::jsonb;
            depth := depth - 1;
            IF silent > depth THEN silent := NULL; END IF;
        ELSE
            IF complete THEN match := match || '[")", "&", "("]'::jsonb; END IF;
            complete := false;
            IF part[1] = 'NOT' OR part[2] = '-' THEN
                match := match || '["!"]'::jsonb;
                negated := true;
            ELSIF part[2] = '(' THEN
                match := match || '["(", "("]'::jsonb;
                depth := depth + 1;
                IF negated THEN silent := coalesce(silent, depth); END IF;
                negated := false;
            ELSIF part[2] = '*' THEN
                match := match || '["*"]'::jsonb;
                negated := false;
                complete := true;
            ELSIF part[2] IS NULL THEN
                SELECT o.word, o.length INTO word, taken FROM parse_operand(rest) o;
                IF word IS NULL THEN RETURN NULL; END IF;
                IF word ->> 'kind' = 'prefix' THEN
                    prefixes := prefixes + 1;
                    IF prefixes > 20 THEN word := word - 'score' || '{"kind": "match"}'; END IF;
                ELSIF word ->> 'kind' = 'phrase' THEN
                    phrases := phrases + 1;
                    slop := slop + coalesce((regexp_match(left(rest, taken), '~(\d)'))[1], '0')::integer;
                END IF;
                IF jsonb_array_length(words) = 100 OR phrases > 20 OR slop > 20
                   OR cardinality(string_to_array(word ->> 'text', ' ')) > 30
                THEN RETURN NULL; END IF;
                IF negated OR silent IS NOT NULL THEN word := word || '{"scores": false}'; END IF;
                match := match || to_jsonb(jsonb_array_length(words));
                words := words || word;
                rest := substr(rest, taken + 1);
                negated := false;
                complete := true;
                CONTINUE;
            END IF;
        END IF;
        rest := substr(rest, length(coalesce(part[1], part[2])) + 1);
    END LOOP;
    IF NOT complete OR depth <> 0 THEN RETURN NULL; END IF;
    RETURN jsonb_build_object('words', words, 'match', match || '[")"]'::jsonb);
END $$;

-- The word at the start of a text, and how many characters it takes; no row when it is none.
CREATE OR REPLACE FUNCTION parse_operand(rest text) RETURNS TABLE (word jsonb, length integer)
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT SET standard_conforming_strings = on AS $$
DECLARE
    field_name text := lower((regexp_match(rest, '^([A-Za-z_]+):'))[1]);
    place record;
    body text := rest;
    part text[];
BEGIN
    SELECT f.field, f.kind, f.width INTO place FROM search_fields() f WHERE f.field = field_name;
    IF field_name IS NOT NULL THEN
        IF place.field IS NULL THEN RETURN; END IF;
        body := substr(rest, length(field_name) + 2);
    END IF;
    IF place.kind = 'number' THEN
        part := regexp_match(body, '^(([\[{])\s*(\d{1,18}(?:\.\d+)?|\*)\s+TO\s+(\d{1,18}(?:\.\d+)?|\*)\s*([\]}]))');
        IF part IS NULL THEN
            part := regexp_match(body, '^((>=?|<=?|)(\d{1,18}(?:\.\d+)?|\*))(?=[\s()]|$)');
            IF part IS NULL THEN RETURN; END IF;
            part := CASE left(part[2], 1)
                WHEN '>' THEN ARRAY[part[1], CASE part[2] WHEN '>' THEN '{' ELSE '[' END, part[3], '*', ']']
                WHEN '<' THEN ARRAY[part[1], '[', '*', part[3], CASE part[2] WHEN '<' THEN '}' ELSE ']' END]
                ELSE ARRAY[part[1], '[', part[3], part[3], ']'] END;
        END IF;
        word := query_range(field_name, part[2], part[3], part[4], part[5]);
    ELSE
        part := regexp_match(body, '^("([^"]*)"(?:~(\d))?(?:\^(\d+(?:\.\d+)?))?)(?=[\s()]|$)');
        IF part IS NOT NULL THEN
            word := query_word('phrase', part[2], field_name, coalesce(part[4], '1')::double precision)
                || query_slop(part[2], coalesce(part[3], '0')::integer);
        ELSE
            part := regexp_match(body, '^(([^\s()"^~*:\[\]{}<>]+)(\*|~0)?(?:\^(\d+(?:\.\d+)?))?)(?=[\s()]|$)');
            IF part IS NULL THEN RETURN; END IF;
            word := query_word(CASE part[3] WHEN '*' THEN 'prefix' ELSE 'match' END, part[2], field_name,
                               coalesce(part[4], '1')::double precision);
        END IF;
    END IF;
    length := length(rest) - length(body) + length(part[1]);
    RETURN NEXT;
END $$;

-- Positions that the words of a phrase may have when they are moved by so many at most.
CREATE OR REPLACE FUNCTION query_slop(words text, slop integer) RETURNS jsonb
LANGUAGE sql IMMUTABLE BEGIN ATOMIC
WITH RECURSIVE phrase AS (
    SELECT cardinality(string_to_array(trim(search_clean(words)), ' ')) AS length
), arrangement (positions, moved) AS (
    SELECT ARRAY[0], 0
    UNION ALL
    SELECT a.positions || a.positions[cardinality(a.positions)] + 1 + step, a.moved + abs(step)
    FROM arrangement a CROSS JOIN phrase p CROSS JOIN generate_series(-slop, slop) step
    WHERE cardinality(a.positions) < p.length AND a.moved + abs(step) <= slop
      AND a.positions[cardinality(a.positions)] + 1 + step <> ALL (a.positions)
)
SELECT CASE WHEN slop = 0 OR p.length NOT BETWEEN 2 AND 5 THEN '{}'::jsonb ELSE
    jsonb_build_object('arrangements', (
        SELECT jsonb_agg(to_jsonb(x.positions)) FROM (
            SELECT a.positions FROM arrangement a
            WHERE cardinality(a.positions) = p.length ORDER BY a.moved, a.positions LIMIT 64) x)) END
FROM phrase p;
END;

-- A range in whole units of its field (avg_rating: millionths, effectiveness: hundredths), both ends included.
CREATE OR REPLACE FUNCTION query_range(field text, opening text, low text, high text, closing text)
RETURNS jsonb
LANGUAGE sql STABLE BEGIN ATOMIC
SELECT jsonb_build_object('kind', 'range', 'fields', jsonb_build_object(field, 1.0), 'scores', false,
    'low', CASE WHEN low = '*' THEN 0
                WHEN opening = '[' THEN ceil(low::numeric * unit) ELSE floor(low::numeric * unit) + 1 END,
    'high', CASE WHEN high = '*' THEN 9223372036854775807
                 WHEN closing = ']' THEN floor(high::numeric * unit) ELSE ceil(high::numeric * unit) - 1 END)
FROM (SELECT CASE field WHEN 'avg_rating' THEN 1000000 WHEN 'effectiveness' THEN 100
             ELSE coalesce((SELECT 10000 FROM own_fields f WHERE f.name = field AND f.type = 'numeric'), 1)
             END AS unit) u;
END;
