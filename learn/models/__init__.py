"""Models of taste: what they learn from ratings, and one interface for all of them."""
