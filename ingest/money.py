"""What a film cost and earned, in the money of one year, and how well it did.

Prices follow the US Bureau of Labor Statistics' CPI-U, the annual averages of all items
(1982-84 = 100), in ``cpi.csv``. Years before its first count as that one, later years as its last.
"""

import csv
from bisect import bisect_right
from functools import cache
from pathlib import Path

BASE_YEAR = 2024
LEAST_MONEY = 1_000
"""Dollars: less is no budget of a film and no revenue, but a figure in thousands or millions."""

BUDGET_TIERS = (("low", 0), ("medium", 15e6), ("high", 75e6), ("ultra_high", 200e6))
"""From how many dollars of BASE_YEAR on."""
REVENUE_TIERS = (("low", 0), ("medium", 30e6), ("high", 150e6), ("blockbuster", 700e6))
"""From how many dollars of BASE_YEAR on."""

BREAK_EVEN = 2.5
"""Revenue over budget at which the return counts half: cinemas keep about half of the revenue, and
marketing costs about half of the budget again."""
PRIOR_RATINGS = 20
"""Ratings at the catalog's mean that every film is given beside its own."""


@cache
def price_index() -> dict[int, float]:
    """Year to CPI-U, the annual average."""
    with Path(__file__).with_name("cpi.csv").open(encoding="utf-8", newline="") as file:
        return {int(row["year"]): float(row["index"]) for row in csv.DictReader(file)}


def adjusted(dollars: int | None, year: int | None) -> float | None:
    """Dollars of ``year`` as dollars of BASE_YEAR; None where the money is not known.

    >>> round(adjusted(11_000_000, 1977))
    56940248
    """
    if dollars is None or year is None or dollars < LEAST_MONEY:
        return None
    index = price_index()
    then = index[min(max(year, min(index)), max(index))]
    return dollars * index[BASE_YEAR] / then


def tier(dollars: float | None, tiers: tuple[tuple[str, float], ...]) -> str | None:
    """The tier of so many dollars of BASE_YEAR.

    >>> tier(80e6, BUDGET_TIERS)
    'high'
    """
    if dollars is None:
        return None
    return tiers[bisect_right([least for _, least in tiers], dollars) - 1][0]


def bayesian_rating(mean: float | None, count: int, catalog_mean: float) -> float:
    """The mean rating with PRIOR_RATINGS ratings at the catalog's mean added."""
    total = (mean or 0) * count + catalog_mean * PRIOR_RATINGS
    return total / (count + PRIOR_RATINGS)


def effectiveness(budget: int | None, revenue: int | None, rating: float) -> float | None:
    """0 to 10: half for the return, half for the rating; None where the money is not known.

    The return ``r = revenue / budget`` counts ``r / (r + BREAK_EVEN)``, the rating its place on the
    scale from 0.5 to 5. Budget and revenue are of the same year, so prices cancel.

    >>> effectiveness(100_000_000, 250_000_000, 5.0)
    7.5
    """
    if budget is None or revenue is None or min(budget, revenue) < LEAST_MONEY:
        return None
    ratio = revenue / budget
    earned, liked = ratio / (ratio + BREAK_EVEN), (rating - 0.5) / 4.5
    return round(10 * (earned + liked) / 2, 2)
