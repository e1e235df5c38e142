-- What every search reads of each candidate, in the index: a third of the pages.
CREATE UNIQUE INDEX movie_stats_by_id ON movie_stats (movie_id) INCLUDE (popularity);
DROP INDEX movie_stats_movie_id;
ALTER INDEX movie_stats_by_id RENAME TO movie_stats_movie_id;
