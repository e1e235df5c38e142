"""Benchmarks behind ``palate bench``."""
