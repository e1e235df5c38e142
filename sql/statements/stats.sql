-- What single ratings leave to be done later.

-- name: refresh_stats
SELECT refresh_stats();

-- name: refresh_neighbours
SELECT refresh_neighbours();

-- name: forget_feedback
DELETE FROM feedback WHERE happened_at < now() - make_interval(days => :days) AND :days > 0;
