-- BM25 by ParadeDB's pg_search: the index of the `paradedb` engine. It is made again whenever
-- this file changes.

DROP TRIGGER IF EXISTS movies_search_inserted ON movies;
DROP TRIGGER IF EXISTS movies_search_updated ON movies;
DROP TRIGGER IF EXISTS movies_search_deleted ON movies;
DROP TRIGGER IF EXISTS movies_search_truncated ON movies;
-- In this schema only: a scratch schema stands before the live one, whose index is to stay.
DO $$ BEGIN
    EXECUTE format('DROP TABLE IF EXISTS %1$I.movie_terms, %1$I.movie_search, %1$I.search_totals',
                   current_schema());
    EXECUTE format('DROP INDEX IF EXISTS %I.movies_search', current_schema());
END $$;

CREATE EXTENSION IF NOT EXISTS pg_search;

-- Names are not stemmed. title_prefix is for search as you type.
CREATE INDEX IF NOT EXISTS movies_search ON movies USING bm25 (
    movie_id,
    (title::pdb.simple('stemmer=english', 'ascii_folding=true')),
    (title::pdb.ngram(2, 4, 'prefix_only=true', 'alias=title_prefix')),
    (original_title::pdb.simple('stemmer=english', 'ascii_folding=true')),
    (director::pdb.simple('ascii_folding=true')),
    (actors::pdb.simple('ascii_folding=true')),
    (keywords::pdb.simple('stemmer=english', 'ascii_folding=true')),
    (overview::pdb.simple('stemmer=english', 'ascii_folding=true')),
    (genres::pdb.literal_normalized),
    (sentiment::pdb.literal_normalized),
    (budget_tier::pdb.literal_normalized),
    (revenue_tier::pdb.literal_normalized),
    (target_audience::pdb.literal_normalized),
    year,
    imdb_id,
    tmdb_id,
    runtime_minutes,
    avg_rating,
    rating_count,
    effectiveness
) WITH (key_field = 'movie_id');
