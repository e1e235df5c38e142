-- name: index_vectors
SELECT index_vectors();

-- name: drop_former_indexes
SELECT drop_former_indexes();
