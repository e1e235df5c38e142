"""Data in: sources, COPY, and text embeddings."""
