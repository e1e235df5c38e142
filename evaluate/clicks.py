"""How often films of answers are clicked and played, by ranking, position and source."""

import math
from dataclasses import dataclass

from palate.statements import Statements
from sql.database import Database

_statements = Statements.beside(__file__, "clicks")
_Z = 1.959964  # of a normal distribution, 95% in the middle


@dataclass(frozen=True)
class ClickRate:
    """Films shown of one kind and value, and the share that was clicked with its 95% interval."""

    kind: str
    value: str
    shown: int
    clicked: int
    played: int
    rate: float
    low: float
    high: float


def evaluate_clicks(database: Database, days: int = 30) -> list[ClickRate]:
    """Click rates of so many days by ranking, position and source; empty without feedback."""
    with database.read() as connection:
        rows = connection.execute(_statements["clicks"], {"days": days}).mappings().all()
    return [
        ClickRate(**row, rate=row["clicked"] / row["shown"], low=low, high=high)
        for row in rows
        for low, high in [wilson(row["clicked"], row["shown"])]
    ]


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95% interval of a share (Wilson 1927), which stays within 0 and 1 for few trials.

    >>> [round(end, 3) for end in wilson(5, 10)]
    [0.237, 0.763]
    """
    share, z2 = successes / trials, _Z * _Z
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = _Z * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2)) / (1 + z2 / trials)
    return max(0.0, middle - half), min(1.0, middle + half)
