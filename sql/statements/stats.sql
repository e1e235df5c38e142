-- What single ratings leave to be done later.

-- name: refresh_stats
SELECT refresh_stats();
