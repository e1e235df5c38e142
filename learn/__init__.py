"""Learning from ratings: what is held out, models, training, tuning, and where models are kept."""
