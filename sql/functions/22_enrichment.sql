-- What a film's enrichment is made of, as one hash: where it differs from movies.enriched_from,
-- the enrichment is of older facts. Ratings, which change all day, are not in it.
CREATE OR REPLACE FUNCTION enrichment_facts(movie movies) RETURNS text
LANGUAGE sql STABLE AS $$
SELECT md5(jsonb_build_array(
    movie.title, movie.year, movie.genres, movie.keywords, movie.overview, movie.budget,
    movie.revenue)::text)
$$;
