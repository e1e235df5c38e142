"""Data out: the command line and the HTTP API."""
