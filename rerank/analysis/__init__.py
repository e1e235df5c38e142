"""What ratings and facts say: preferences of a user, films compared, a prediction in words."""
