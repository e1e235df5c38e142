"""Two neural towers, one for users and one for films, whose inner product is affinity."""
