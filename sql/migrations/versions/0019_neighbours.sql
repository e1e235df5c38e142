-- The films that people of alike taste lately liked, the best first, and how much: a row a person, made by
-- refresh_neighbours(). Of the neighbours themselves nothing is kept.
CREATE TABLE neighbour_likes (
    user_id   bigint NOT NULL,
    profile   text NOT NULL,
    movie_ids bigint[] NOT NULL,
    likings   real[] NOT NULL,
    made_at   timestamptz NOT NULL,
    PRIMARY KEY (user_id, profile)
);
