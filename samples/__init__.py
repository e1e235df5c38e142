"""The film catalog, raters and vectors that the demo loads."""
