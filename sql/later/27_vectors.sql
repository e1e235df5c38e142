-- A change of the functions makes the vectors again.
SELECT refresh_vectors();
