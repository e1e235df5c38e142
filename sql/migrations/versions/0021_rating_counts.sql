-- People's ratings of each film as they are now: the sum of a film's rows. Whoever rates adds a row and
-- waits for nobody; triggers and refresh_stats() fold them. Beside movies, whose copies of the last
-- refresh stand in search indexes, where a row written costs every search.
-- It has a key, so that it can be published.
CREATE TABLE rating_counts (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    movie_id bigint NOT NULL,
    ratings  bigint NOT NULL,
    stars    double precision NOT NULL
);
CREATE INDEX rating_counts_movie_id ON rating_counts (movie_id);
