-- Sums that another version made weigh ratings otherwise.
SELECT refresh_user_factors(id) FROM models WHERE kind = 'factors' AND state = 'active';
