-- Money, in the dollars of one year, and how well a film did. The only place that says so: `palate
-- enrich` writes it to movies, and whoever meets a film that was not enriched asks the same functions.
--
-- Prices follow the US Bureau of Labor Statistics' CPI-U, the annual averages of all items
-- (1982-84 = 100) from 1913 to 2024. Years before count as 1913, later ones as 2024.
CREATE OR REPLACE FUNCTION price_index(year integer) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN year IS NOT NULL THEN (ARRAY[
    9.9, 10.0, 10.1, 10.9, 12.8, 15.1, 17.3, 20.0, 17.9, 16.8,
    17.1, 17.1, 17.5, 17.7, 17.4, 17.1, 17.1, 16.7, 15.2, 13.7,
    13.0, 13.4, 13.7, 13.9, 14.4, 14.1, 13.9, 14.0, 14.7, 16.3,
    17.3, 17.6, 18.0, 19.5, 22.3, 24.1, 23.8, 24.1, 26.0, 26.5,
    26.7, 26.9, 26.8, 27.2, 28.1, 28.9, 29.1, 29.6, 29.9, 30.2,
    30.6, 31.0, 31.5, 32.4, 33.4, 34.8, 36.7, 38.8, 40.5, 41.8,
    44.4, 49.3, 53.8, 56.9, 60.6, 65.2, 72.6, 82.4, 90.9, 96.5,
    99.6, 103.9, 107.6, 109.6, 113.6, 118.3, 124.0, 130.7, 136.2, 140.3,
    144.5, 148.2, 152.4, 156.9, 160.5, 163.0, 166.6, 172.2, 177.1, 179.9,
    184.0, 188.9, 195.3, 201.6, 207.342, 215.303, 214.537, 218.056, 224.939, 229.594,
    232.957, 236.736, 237.017, 240.007, 245.120, 251.107, 255.657, 258.811, 270.970, 292.655,
    304.702, 313.689
]::double precision[])[least(greatest(year, 1913), 2024) - 1912] END;

-- Less than 1,000 dollars is no budget of a film and no revenue, but a figure in thousands or
-- millions: it is not known.
CREATE OR REPLACE FUNCTION known_dollars(dollars bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN dollars >= 1000 THEN dollars END;

CREATE OR REPLACE FUNCTION dollars_of_2024(dollars bigint, year integer) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN known_dollars(dollars) * (price_index(2024) / price_index(year));

CREATE OR REPLACE FUNCTION budget_tier(budget bigint, year integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (ARRAY['low', 'medium', 'high', 'ultra_high'])[
    1 + width_bucket(dollars_of_2024(budget, year), ARRAY[15e6, 75e6, 200e6]::double precision[])];

CREATE OR REPLACE FUNCTION revenue_tier(revenue bigint, year integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (ARRAY['low', 'medium', 'high', 'blockbuster'])[
    1 + width_bucket(dollars_of_2024(revenue, year), ARRAY[30e6, 150e6, 700e6]::double precision[])];

-- 0 to 10: half for the return r = revenue / budget, which counts r / (r + 2.5), half for the place
-- of the mean rating on the scale from 0.5 to 5. Budget and revenue are of the same year, so prices
-- cancel. At 2.5 the return counts half: cinemas keep about half of the revenue, and marketing costs
-- about half of the budget again. The rating has 20 ratings at the catalog's mean added.
CREATE OR REPLACE FUNCTION effectiveness(
    budget bigint, revenue bigint, avg_rating double precision, rating_count integer,
    catalog_mean double precision
) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN round((
    5 / (1 + 2.5 * known_dollars(budget)::double precision / known_dollars(revenue))
    + 5 * ((coalesce(avg_rating * rating_count, 0) + 20 * catalog_mean)
           / (coalesce(rating_count, 0) + 20) - 0.5) / 4.5)::numeric, 2)::double precision;

-- What a film's enrichment is made of, as one hash: where it differs from movies.enriched_from,
-- the enrichment is of older facts. Ratings, which change all day, are not in it.
CREATE OR REPLACE FUNCTION enrichment_facts(movie movies) RETURNS text
LANGUAGE sql STABLE BEGIN ATOMIC
SELECT md5(jsonb_build_array(
    movie.title, movie.year, movie.genres, movie.keywords, movie.overview, movie.budget,
    movie.revenue)::text);
END;
