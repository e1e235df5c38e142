"""How much of a query is read."""

from typing import NamedTuple

from palate.settings import Settings


class Limits(NamedTuple):
    """How much of a query is read; the settings, of which these are, say what each counts."""

    max_query_length: int
    max_query_clauses: int
    max_query_phrases: int
    max_query_slop: int
    max_query_prefixes: int
    max_clause_words: int

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """The limits that the settings give."""
        return cls(*(getattr(settings, name) for name in cls._fields))


LIMITS = Limits(*(Settings.model_fields[name].default for name in Limits._fields))
"""As long as nothing else is set."""
