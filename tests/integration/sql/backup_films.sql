-- A small catalog with vectors, people and everything else that a backup must hold.
INSERT INTO movies (movie_id, title, original_title, year, genres, overview, director, actors, embedding)
SELECT n,
       (ARRAY['The Lord of the Rings', 'King Kong', 'Lord of War', 'The Fisher King',
              E'Quotes "and", commas\nand lines', 'Amélie 千と千尋'])[1 + n % 6] || ' ' || n,
       CASE WHEN n % 3 = 0 THEN '' END,
       1950 + n,
       CASE WHEN n % 2 = 0 THEN ARRAY['Fantasy', 'Adventure'] ELSE ARRAY['Crime', 'with "comma", brace}'] END,
       'A film about number ' || n || ' and a lord',
       'Director ' || n % 5,
       ARRAY['Actor ' || n % 7, 'NULL'],
       l2_normalize((SELECT array_agg(sin(n * 0.37 + d) ORDER BY d) FROM generate_series(1, 384) d)::vector)
FROM generate_series(1, 60) n;

INSERT INTO embedding_model (name, dimension, mean)
SELECT 'all-MiniLM-L6-v2', 384, avg(embedding) FROM movies;

UPDATE profile_settings SET half_life_days = 400, reference_time = '2020-01-01 00:00Z';
UPDATE blend SET bm25 = 0.123, content = 0.7;

INSERT INTO ratings (user_id, profile, movie_id, rating, rated_at)
SELECT u, CASE WHEN u = 3 THEN 'family' ELSE 'main' END, 1 + (u * 7 + i * 11) % 60, 0.5 + (u + i) % 10 / 2.0,
       '2019-06-01 12:00Z'::timestamptz + i * interval '1.000001 hour'
FROM generate_series(1, 4) u, generate_series(1, 12) i
ON CONFLICT DO NOTHING;
UPDATE users SET synthetic = true WHERE user_id = 4;
INSERT INTO tags VALUES (1, 2, E'epic; "tag"\\N', '2019-06-01 12:00Z'), (2, 5, 'no date', NULL);
INSERT INTO sources (name, location, movies, ratings, tags) VALUES ('sample', NULL, 60, 48, 2);
SELECT refresh_stats();
