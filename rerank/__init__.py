"""Ranking: from a query's text and a user to an explained order."""
