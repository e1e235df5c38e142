-- name: index_vectors
SELECT index_vectors();
