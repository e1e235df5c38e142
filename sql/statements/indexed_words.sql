-- name: version
SELECT last_value FROM search_version;

-- name: lexemes
SELECT DISTINCT substr(t.lexeme, 3)
FROM search_fields() f
JOIN movie_terms t ON t.lexeme >= f.code AND t.lexeme < left(f.code, 1) || ';'
WHERE f.field = :field;

-- name: stems
SELECT CASE WHEN f.kind = 'text' THEN tsvector_to_array(to_tsvector(f.config, search_clean(:text)))
            ELSE ARRAY[lower(:text)] END
FROM search_fields() f
WHERE f.field = :field;
