-- name: add_model
INSERT INTO models (kind, name, version, parameters)
VALUES ('factors', 'one', 1, '{"base": 1, "slope": 0.5}'), ('factors', 'two', 1, '{"base": 0.5}');
INSERT INTO movie_factors (movie_id, model_id, factors_in, factors_out)
SELECT m.movie_id, d.id, v.factors, v.factors
FROM movies m CROSS JOIN models d
CROSS JOIN LATERAL (SELECT array_agg(sin(m.movie_id * 0.37 + d.version * i))::vector AS factors
                    FROM generate_series(1, 8) i) v;
SELECT activate_model(min(id)) FROM models;

-- name: activate_another
SELECT activate_model(max(id)) FROM models;

-- name: publish_taste
CREATE PUBLICATION palate FOR TABLE
    palate.movies, palate.ratings, palate.rating_counts, palate.tags, palate.users, palate.user_names,
    palate.events, palate.event_weights, palate.sources, palate.embedding_model, palate.profile_settings,
    palate.blend, palate.mixer, palate.availability, palate.synonyms, palate.pins,
    palate.models, palate.movie_factors, palate.user_factors;

-- name: publish_no_taste
CREATE PUBLICATION palate FOR TABLE
    palate.movies, palate.ratings, palate.rating_counts, palate.tags, palate.user_names,
    palate.events, palate.event_weights, palate.sources, palate.embedding_model, palate.profile_settings,
    palate.blend, palate.mixer, palate.availability, palate.synonyms, palate.pins,
    palate.models, palate.movie_factors;

-- name: make_empty
-- The rows that a migration makes are copied from the publisher, too.
DELETE FROM palate.blend;
DELETE FROM palate.mixer;
DELETE FROM palate.event_weights;
DELETE FROM palate.profile_settings;

-- name: subscribe
CREATE SUBSCRIPTION palate CONNECTION 'host={host} port=5432 user=postgres dbname={database}'
    PUBLICATION palate;

-- name: copied
SELECT bool_and(srsubstate = 'r') FROM pg_subscription_rel;

-- name: refresh_active_factors
SELECT refresh_user_factors(id) FROM models WHERE kind = 'factors' AND state = 'active';

-- name: confirmed
SELECT confirmed_flush_lsn >= '{lsn}' FROM pg_replication_slots WHERE slot_name = 'palate';

-- name: tastes
SELECT user_id, profile, rating_count, round(weight_sum::numeric, 3), embedding IS NULL,
       round((embedding <=> (SELECT embedding FROM movies WHERE movie_id = 7))::numeric, 3)
FROM users WHERE rating_count > 0 ORDER BY 1, 2;

-- name: factors
SELECT u.user_id, u.profile, u.rating_count, round(vector_norm(u.factors)::numeric, 3)
FROM user_factors u JOIN models m ON m.id = u.model_id AND m.state = 'active' ORDER BY 1, 2;

-- name: statistics
SELECT s.movie_id, s.rating_count, s.avg_rating, m.rating_count, m.avg_rating
FROM movie_stats s JOIN movies m USING (movie_id) ORDER BY 1;

-- name: counts
SELECT m.movie_id, n.* FROM movies m CROSS JOIN LATERAL ratings_now(m.movie_id) n ORDER BY 1;

-- name: recommended
SELECT u.user_id, r.movie_id, round(r.score::numeric, 3)
FROM users u CROSS JOIN LATERAL recommend(u.user_id, k => 5) r WHERE u.profile = 'main' ORDER BY 1, r.rank;

-- name: ratings
SELECT user_id, profile, movie_id, rating FROM ratings ORDER BY 1, 2, 3;

-- name: rate
INSERT INTO ratings (user_id, movie_id, rating) VALUES (77, {film}, 5) ON CONFLICT DO NOTHING;

-- name: happen
SELECT add_events(name_user('somebody'), '[{"type": "liked", "movie_id": 5}, {"type": "disliked", "movie_id": 6}]')

-- name: events
SELECT n.name, e.type, e.movie_id FROM events e JOIN user_names n USING (user_id) ORDER BY 1, 3
