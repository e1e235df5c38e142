-- Sums that another version made weigh ratings otherwise.
SELECT correct_profiles();
