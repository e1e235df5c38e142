"""Requests in plain words: what is asked, as a structure, and its answer."""
