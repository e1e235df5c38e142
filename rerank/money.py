"""Budgets and revenues as tiers, for films whose tier column is empty.

The thresholds are those of `palate enrich`, in dollars of 2024. Prices are taken to rise by 3 % a
year here, about the mean of a century; enrichment uses the real index and goes first.
"""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection

from rerank.ask.structure import BudgetTier, RevenueTier, Span
from sql.statements import Statements

_statements = Statements(Path(__file__).parent / "statements" / "money.sql")

BASE_YEAR = 2024
INFLATION = 1.03
BUDGETS: dict[BudgetTier, tuple[float, float | None]] = {
    "low": (1, 15e6),
    "medium": (15e6, 75e6),
    "high": (75e6, 200e6),
    "ultra_high": (200e6, None),
}
REVENUES: dict[RevenueTier, tuple[float, float | None]] = {
    "low": (1, 30e6),
    "medium": (30e6, 150e6),
    "high": (150e6, 700e6),
    "blockbuster": (700e6, None),
}
"""From, and below, in dollars of BASE_YEAR."""


def budget_tier(budget: int | None, year: int | None) -> str | None:
    """The tier of a budget in dollars of its own year; None where one of them is unknown."""
    if not budget or year is None:
        return None
    then = budget * INFLATION ** (BASE_YEAR - year)
    return next(tier for tier, (_, below) in BUDGETS.items() if below is None or then < below)


def films_by_money(
    connection: Connection,
    budgets: Sequence[BudgetTier],
    revenues: Sequence[RevenueTier],
    budget: Span | None,
    revenue: Span | None,
    n: int,
) -> tuple[int, ...]:
    """At most ``n`` films, the most rated first, of any of these tiers and within these amounts.

    Amounts are in dollars of the film's own year; what is empty or None asks nothing.
    """
    cheap, earned = [BUDGETS[tier] for tier in budgets], [REVENUES[tier] for tier in revenues]
    parameters = {
        "budget_lows": [low for low, _ in cheap] or None,
        "budget_highs": [below for _, below in cheap] or None,
        "revenue_lows": [low for low, _ in earned] or None,
        "revenue_highs": [below for _, below in earned] or None,
        "least_budget": None if budget is None else budget.low or 0,
        "most_budget": None if budget is None else budget.high,
        "least_revenue": None if revenue is None else revenue.low or 0,
        "most_revenue": None if revenue is None else revenue.high,
        "base_year": BASE_YEAR,
        "inflation": INFLATION,
        "n": n,
    }
    return tuple(connection.execute(_statements["films_by_money"], parameters).scalars())
