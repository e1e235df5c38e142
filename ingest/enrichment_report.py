"""What enrichment covers, how its values are spread, and where a model and the facts differ."""

from collections import Counter
from dataclasses import dataclass
from typing import Any, get_args

from ingest.enrichment import statements
from ingest.judging import find_audience
from palate.contract import Audience, BudgetTier, RevenueTier
from sql.database import Database

_BY_THE_THOUSAND = {"yield_per": 1000}
_ORDER = {
    "sentiment": ("positive", "mixed", "neutral", "negative"),
    "target_audience": get_args(Audience),
    "budget_tier": get_args(BudgetTier),
    "revenue_tier": get_args(RevenueTier),
    "effectiveness": tuple(map(str, range(10))),
}
COLUMNS = tuple(_ORDER)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A film for which the model named another audience than the facts suggest."""

    movie_id: int
    title: str
    told: str
    facts: str


@dataclass(frozen=True, slots=True)
class EnrichmentReport:
    """``coverage``: films with a value, by column. ``spread``: films by column and value.

    ``compared`` films have both a model's audience and one by facts; ``disagreements`` are those
    where the two differ, the first few of ``disagreeing``.
    """

    films: int
    enriched: int
    by_model: int
    stale: int
    coverage: dict[str, int]
    estimated: dict[str, int]
    spread: dict[str, dict[str, int]]
    compared: int
    disagreeing: int
    disagreements: list[Disagreement]
    sample: list[dict[str, Any]]


def make_report(database: Database, *, n: int = 10) -> EnrichmentReport:
    """Count, compare, and show ``n`` films to read."""
    with database.begin(patient=True) as connection:
        counts = connection.execute(statements["coverage"]).mappings().one()
        spread: dict[str, Counter[str]] = {name: Counter() for name in COLUMNS}
        for name, value, films in connection.execute(statements["distributions"]):
            spread[name][value] = films
        sample = connection.execute(statements["sample"], {"n": n}).mappings().all()
        compared, differing = 0, []
        rows = connection.execute(statements["by_model"], execution_options=_BY_THE_THOUSAND)
        for row in rows:
            facts = find_audience(row.genres, row.overview)
            if facts is None or row.target_audience is None:
                continue
            compared += 1
            if facts != row.target_audience:
                differing.append(Disagreement(row.movie_id, row.title, row.target_audience, facts))
    return EnrichmentReport(
        **{name: counts[name] for name in ("films", "enriched", "by_model", "stale")},
        coverage={name: counts[name] for name in COLUMNS},
        estimated={name: counts[f"estimated_{name}"] for name in ("budget_tier", "revenue_tier")},
        spread={
            name: {value: found[value] for value in _ORDER[name] if found[value]}
            for name, found in spread.items()
        },
        compared=compared,
        disagreeing=len(differing),
        disagreements=differing[:n],
        sample=[dict(row) for row in sample],
    )
