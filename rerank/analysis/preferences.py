"""A user's preferences: what is rated, how it differs from the crowd, and how sure that is.

The difference of a rating is the rating minus what the crowd gives the film. A user's own level u
is the sum of the differences over n + 5, the damped mean of Koren, Bell and Volinsky (2009). A
group of n_g ratings (a genre, a decade, a director) with the mean difference d_g gets

    shrunken = u + B_g (d_g - u),   B_g = t2 / (t2 + s2 / n_g)

which is the empirical Bayes estimate of Efron and Morris (1975). s2 is the variance of the user's
differences, pooled with ten ratings of an average rater; t2, how much groups truly differ, is
estimated over the user's groups of the same kind by DerSimonian and Laird's (1986) moments. So a
group of three ratings stays near the user's own level, and where groups differ no more than chance
would have it, all of them do.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from palate.errors import NotFoundError
from rerank.money import budget_tier
from sql.database import Database
from sql.statements import Statements

_statements = Statements(Path(__file__).parents[1] / "statements" / "analysis.sql")

LEVEL_DAMPING = 5.0
PRIOR_RATINGS, PRIOR_VARIANCE = 10.0, 0.76
"""An average rater's differences: the mean of the users' variances on ml-latest-small."""

FEWEST_FOR_TRAIT = 5
LEAST_DIFFERENCE = 0.25
"""What the summary calls a trait: so many ratings, and so many stars from the crowd."""

FEWEST_FOR_PERSON = 2
MOST_PEOPLE = 20
FEWEST_FOR_CORRELATION = 10


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Trait(_Frozen):
    """A user's ratings of one kind of film."""

    name: str
    n: int
    mean: float
    crowd: float = Field(description="What the crowd gives the same films, damped.")
    shrunken: float = Field(description="Difference from the crowd, in stars, shrunken.")


class Correlation(_Frozen):
    """Pearson's r of ratings and effectiveness, with its 95 % interval by Fisher's z."""

    n: int
    r: float
    low: float
    high: float


class Preferences(_Frozen):
    """What a user's ratings say."""

    user_id: int
    profile: str
    n: int
    mean: float
    crowd: float
    level: float = Field(description="The user's difference from the crowd, in stars, damped.")
    distribution: dict[str, int] = Field(description="Stars -> ratings.")
    genres: tuple[Trait, ...]
    decades: tuple[Trait, ...]
    directors: tuple[Trait, ...]
    actors: tuple[Trait, ...]
    budgets: tuple[Trait, ...]
    sentiments: tuple[Trait, ...]
    audiences: tuple[Trait, ...]
    effectiveness: Correlation | None = Field(
        description="Of ratings with the films' effectiveness; null below ten films that have one."
    )
    summary: tuple[str, ...]
    summary_by: str = Field("rules", description="rules, or the model that worded the summary.")


Row = Mapping[str, Any]


def preferences(database: Database, user_id: int, profile: str = "main") -> Preferences:
    """A user's preferences. Raises NotFoundError for a user without ratings."""
    who = {"user_id": user_id, "profile": profile}
    with database.read() as connection:
        rows = [dict(row) for row in connection.execute(_statements["rated"], who).mappings()]
    if not rows:
        raise NotFoundError(
            f"User {user_id} ({profile}) has rated nothing, so nothing is known of what they like."
        )
    ratings = [row["rating"] for row in rows]
    left = [row["rating"] - row["crowd"] for row in rows]
    level = sum(left) / (len(rows) + LEVEL_DAMPING)
    groups = _Groups(rows, left, level)
    found = {
        "genres": groups.of(lambda row: row["genres"]),
        "decades": groups.of(lambda row: [f"{row['year'] // 10 * 10}s"] if row["year"] else []),
        "directors": groups.of(lambda row: [row["director"]], FEWEST_FOR_PERSON)[:MOST_PEOPLE],
        "actors": groups.of(lambda row: row["actors"], FEWEST_FOR_PERSON)[:MOST_PEOPLE],
        "budgets": groups.of(
            lambda row: [row["budget_tier"] or budget_tier(row["budget"], row["year"])]
        ),
        "sentiments": groups.of(lambda row: [row["sentiment"]]),
        "audiences": groups.of(lambda row: [row["target_audience"]]),
    }
    made = Preferences(
        **who,
        n=len(rows),
        mean=_round(sum(ratings) / len(rows)),
        crowd=_round(sum(row["crowd"] for row in rows) / len(rows)),
        level=_round(level),
        distribution={f"{stars:.1f}": n for stars, n in sorted(Counter(ratings).items())},
        **found,
        effectiveness=_correlation(rows),
        summary=(),
    )
    return made.model_copy(update={"summary": summary(made)})


def _budget(row: Row) -> list[str | None]:
    return [row["budget_tier"] or budget_tier(row["budget"], row["year"])]


def _round(value: float) -> float:
    return round(value, 3)


class _Groups:
    """A user's ratings by whatever a film has, each group shrunken towards the user's level."""

    def __init__(self, rows: Sequence[Row], left: Sequence[float], level: float) -> None:
        self._rows = rows
        self._left = left
        self._level = level
        mean = sum(left) / len(left)
        spread = sum((one - mean) ** 2 for one in left)
        self._variance = (spread + PRIOR_RATINGS * PRIOR_VARIANCE) / (len(left) + PRIOR_RATINGS)

    def of(
        self, values: Callable[[Row], Iterable[str | None]], fewest: int = 1
    ) -> tuple[Trait, ...]:
        """A trait for each value with ``fewest`` ratings or more, the most rated first."""
        members: dict[str, list[int]] = defaultdict(list)
        for number, row in enumerate(self._rows):
            for value in dict.fromkeys(values(row)):
                if value:
                    members[value].append(number)
        kept = {name: numbers for name, numbers in members.items() if len(numbers) >= fewest}
        means = {name: self._mean(numbers) for name, numbers in kept.items()}
        between = between_variance(
            [(means[name], self._variance / len(numbers)) for name, numbers in kept.items()]
        )
        traits = [self._trait(name, kept[name], means[name], between) for name in kept]
        return tuple(sorted(traits, key=lambda trait: (-trait.n, trait.name)))

    def _mean(self, numbers: Sequence[int]) -> float:
        return sum(self._left[n] for n in numbers) / len(numbers)

    def _trait(self, name: str, numbers: Sequence[int], mean: float, between: float) -> Trait:
        trust = between / (between + self._variance / len(numbers))
        return Trait(
            name=name,
            n=len(numbers),
            mean=_round(sum(self._rows[n]["rating"] for n in numbers) / len(numbers)),
            crowd=_round(sum(self._rows[n]["crowd"] for n in numbers) / len(numbers)),
            shrunken=_round(self._level + trust * (mean - self._level)),
        )


def between_variance(groups: Sequence[tuple[float, float]]) -> float:
    """How much groups truly differ, from (mean, variance of the mean) of each; never negative.

    DerSimonian and Laird (1986): (Q - (k - 1)) / (sum w - sum w^2 / sum w), w = 1 / variance.
    """
    if len(groups) < 2:
        return 0.0
    weights = [1 / variance for _, variance in groups]
    total = sum(weights)
    centre = sum(w * mean for w, (mean, _) in zip(weights, groups, strict=True)) / total
    q = sum(w * (mean - centre) ** 2 for w, (mean, _) in zip(weights, groups, strict=True))
    scale = total - sum(w * w for w in weights) / total
    return max(0.0, (q - (len(groups) - 1)) / scale)


def _correlation(rows: Sequence[Row]) -> Correlation | None:
    pairs = [
        (row["rating"], row["effectiveness"]) for row in rows if row["effectiveness"] is not None
    ]
    if len(pairs) < FEWEST_FOR_CORRELATION:
        return None
    n = len(pairs)
    xs, ys = [x for x, _ in pairs], [y for _, y in pairs]
    mx, my = sum(xs) / n, sum(ys) / n
    sxx, syy = sum((x - mx) ** 2 for x in xs), sum((y - my) ** 2 for y in ys)
    if not sxx or not syy:
        return None
    r = sum((x - mx) * (y - my) for x, y in pairs) / math.sqrt(sxx * syy)
    z = math.atanh(max(-0.999999, min(0.999999, r)))
    half = 1.96 / math.sqrt(n - 3)
    return Correlation(
        n=n, r=_round(r), low=_round(math.tanh(z - half)), high=_round(math.tanh(z + half))
    )


def traits(found: Iterable[Trait], *, above: bool, most: int = 3) -> list[Trait]:
    """The traits worth telling: of enough ratings, and far enough from the crowd."""
    worth = [
        trait
        for trait in found
        if trait.n >= FEWEST_FOR_TRAIT
        and (trait.shrunken >= LEAST_DIFFERENCE if above else trait.shrunken <= -LEAST_DIFFERENCE)
    ]
    return sorted(worth, key=lambda trait: (-abs(trait.shrunken), -trait.n, trait.name))[:most]


def summary(found: Preferences) -> tuple[str, ...]:
    """Sentences about a user, from the figures only."""
    count = f"{found.n} film" + ("" if found.n == 1 else "s")
    said = [
        f"User {found.user_id} rated {count}, {found.mean:.1f} stars on average; the crowd gives "
        f"the same films {found.crowd:.1f}."
    ]
    if found.genres:
        most = ", ".join(f"{t.name} ({t.n})" for t in found.genres[:3])
        said.append(f"Rates mostly {most}.")
    plain = len(said)
    for name, kinds in (
        ("genres", found.genres), ("decades", found.decades), ("directors", found.directors),
        ("actors", found.actors), ("budgets", found.budgets), ("audiences", found.audiences),
    ):  # fmt: skip
        for above, words in ((True, "Likes more"), (False, "Likes less")):
            if told := traits(kinds, above=above):
                listed = ", ".join(f"{t.name} ({t.shrunken:+.1f} from {t.n})" for t in told)
                said.append(f"{words} than the crowd, by {name}: {listed}.")
    if len(said) == plain:
        said.append(
            f"No genre, decade or person stands out: a trait takes {FEWEST_FOR_TRAIT} ratings and "
            f"{LEAST_DIFFERENCE} stars from the crowd."
        )
    return tuple(said)
