-- No reader takes NULL in a list (which array_agg makes of an outer join), or a list of lists.
-- (What is there was just looked at: checked without reading it all again under a lock.)
UPDATE movies SET genres   = ARRAY(SELECT g FROM unnest(genres) g WHERE g IS NOT NULL),
                  actors   = ARRAY(SELECT a FROM unnest(actors) a WHERE a IS NOT NULL),
                  keywords = ARRAY(SELECT k FROM unnest(keywords) k WHERE k IS NOT NULL),
                  own      = CASE jsonb_typeof(own) WHEN 'object' THEN own ELSE '{}' END
WHERE array_ndims(genres) > 1 OR array_ndims(actors) > 1 OR array_ndims(keywords) > 1
   OR EXISTS (SELECT FROM unnest(genres, actors, keywords) WITH ORDINALITY l (genre, actor, keyword, place)
              WHERE genre IS NULL AND place <= cardinality(genres)
                 OR actor IS NULL AND place <= cardinality(actors)
                 OR keyword IS NULL AND place <= cardinality(keywords))
   OR jsonb_typeof(own) <> 'object';
ALTER TABLE movies
    ADD CONSTRAINT movies_genres_check CHECK (
        coalesce(array_ndims(genres), 1) = 1 AND array_position(genres, NULL) IS NULL) NOT VALID,
    ADD CONSTRAINT movies_actors_check CHECK (
        coalesce(array_ndims(actors), 1) = 1 AND array_position(actors, NULL) IS NULL) NOT VALID,
    ADD CONSTRAINT movies_keywords_check CHECK (
        coalesce(array_ndims(keywords), 1) = 1 AND array_position(keywords, NULL) IS NULL) NOT VALID,
    ADD CONSTRAINT movies_own_check CHECK (jsonb_typeof(own) = 'object') NOT VALID;

-- Where somebody publishes all tables of the database, a row without a key is not deleted otherwise.
ALTER TABLE kept_history REPLICA IDENTITY FULL;
