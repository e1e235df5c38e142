-- Twelve films on two sides of taste: fantasy and crime. Vectors are two blocks, so that a taste
-- for one side is a clear direction.
INSERT INTO movies (movie_id, title, year, genres, overview, director, runtime_minutes, embedding)
SELECT film.movie_id, film.title, film.year, film.genres, film.overview, film.director, film.minutes,
       CASE WHEN film.fantasy IS NOT NULL THEN l2_normalize(
           (array_fill(film.fantasy, ARRAY[192]) || array_fill(film.crime, ARRAY[192]))::vector
       ) END
FROM (VALUES
    (1, 'The Lord of the Rings', 1978, ARRAY['Adventure', 'Fantasy'], 'A ring must be destroyed.', 'Ralph Bakshi', 132, 1.0, 0.1),
    (2, 'Lord of War', 2005, ARRAY['Crime', 'Drama'], 'An arms dealer looks back.', 'Andrew Niccol', 122, 0.1, 1.0),
    (3, 'Lord of Illusions', 1995, ARRAY['Fantasy', 'Horror'], 'A detective meets a magician.', 'Clive Barker', 109, 0.9, 0.3),
    (4, 'Lords of Dogtown', 2005, ARRAY['Drama'], 'Boys who skate.', 'Catherine Hardwicke', 107, 0.2, 0.8),
    (5, 'The Dark Crystal', 1982, ARRAY['Adventure', 'Fantasy'], 'A shard heals a crystal.', 'Jim Henson', 93, 1.0, 0.0),
    (6, 'Willow', 1988, ARRAY['Adventure', 'Fantasy'], 'A farmer guards a child from a witch.', 'Ron Howard', 126, 0.95, 0.05),
    (7, 'Heat', 1995, ARRAY['Crime', 'Thriller'], 'A thief and the policeman after him.', 'Michael Mann', 170, 0.0, 1.0),
    (8, 'Casino', 1995, ARRAY['Crime', 'Drama'], 'Men who run a casino.', 'Martin Scorsese', 178, 0.05, 0.95),
    (9, 'The Dark Knight', 2008, ARRAY['Action', 'Crime'], 'A city and its joker.', 'Christopher Nolan', 152, 0.2, 0.9),
    (10, 'The Matrix', 1999, ARRAY['Action', 'Sci-Fi'], 'What is real.', 'Lana Wachowski', 136, 0.5, 0.5),
    (11, 'Amélie', 2001, ARRAY['Comedy', 'Romance'], 'A waitress in Montmartre.', 'Jean-Pierre Jeunet', 122, 0.6, 0.4),
    (12, 'Without a Vector', NULL, ARRAY[]::text[], NULL, NULL, NULL, NULL, NULL)
) film (movie_id, title, year, genres, overview, director, minutes, fantasy, crime);

INSERT INTO embedding_model (name, dimension, mean)
SELECT 'two blocks', 384, avg(embedding) FROM movies;

INSERT INTO ratings (user_id, movie_id, rating, rated_at) VALUES
    (1, 5, 5.0, '2020-01-01'), (1, 6, 5.0, '2020-01-02'), (1, 7, 1.0, '2020-01-03'),
    (2, 7, 5.0, '2020-01-01'), (2, 8, 4.5, '2020-01-02'), (2, 5, 1.0, '2020-01-03');

SELECT refresh_stats();
