"""What every room may use: settings, errors, telemetry and the text embedder."""

__version__ = "0.1.0"
