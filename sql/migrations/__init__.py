"""Versioned migrations. Each has a ``.sql`` body beside it; there is no way down but a backup."""
