"""A predicted rating, and what is true of it."""

from collections.abc import Iterator
from dataclasses import asdict

from pydantic import Field

from ask.structure import SummaryBy, WhyNotWorded
from learn.prediction import BASELINE, predict_rating
from palate.contract import Frozen
from palate.items import count
from palate.person import called
from palate.text import name_film
from rerank.facts import Fact, Polarity, side_of, write_all
from sql.database import Database

_LEAST_INFLUENCE = 0.01  # stars; less cannot be seen in a value of one decimal
_LEAST_LEVEL = 0.05  # stars: half of the last digit shown
_SHOWN = 3  # ratings a direction: more are a list


class Basis(Frozen):
    """One of the user's ratings that a prediction rests on."""

    movie_id: int
    title: str
    year: int | None
    rating: float
    influence: float = Field(description="What it adds to the prediction, in stars.")
    similarity: float | None = Field(description="Of the two films, -1 to 1; null: unknown.")


class Prediction(Frozen):
    """A predicted rating; see `predict`."""

    user_id: int
    profile: str
    movie_id: int
    title: str
    year: int | None
    value: float
    low: float
    high: float
    level: float = Field(description="Share of ratings from low to high, whatever they are.")
    calibrated: bool = Field(description="Whether held-out ratings have shown that share.")
    confidence: str = Field(
        description="high: at least 80% of such predictions on held-out ratings are at most half a "
        "star off; medium: 50%; low."
    )
    within_half_star: float | None = Field(description="That share; null: not measured.")
    expected: float = Field(description="What anybody is expected to give.")
    ratings: int
    neighbours: int
    distance: float | None
    rests_on: tuple[Basis, ...] = Field(description="At most ten, those of most influence first.")
    model: str
    why: str | None
    rated: float | None
    summary: tuple[str, ...]
    summary_by: SummaryBy = "rules"
    why_not_worded: WhyNotWorded = None

    @property
    def film(self) -> str:
        """The film as sentences name it."""
        return name_film(self.title, self.year)


def predict(database: Database, user_id: int, movie_id: int, profile: str = "main") -> Prediction:
    """A predicted rating with its summary in words. Raises NotFoundError for an unknown film."""
    made = asdict(predict_rating(database, user_id, movie_id, profile))
    found = Prediction.model_validate(made | {"summary": ()})
    return found.model_copy(update={"summary": write_all(describe(found))})


def describe(found: Prediction) -> list[list[Fact]]:
    """What is true of a prediction, by sentences: the stars, how sure, and what they rest on."""
    rests = _by_level(found) if found.model == BASELINE else _by_films(found)
    return [list(_stars(found)), list(_sure(found)), *rests, list(_beside(found))]


def _stars(found: Prediction) -> Iterator[Fact]:
    film, side = found.film, side_of(found.value)
    says = f"user {called(found.user_id)} is expected to give {film}"
    yield _fact(film, says, f"{found.value:.1f} stars", side)
    span = f"from {found.low:.1f} to {found.high:.1f}"
    if found.calibrated:
        says = f"in {found.level:.0%} of predictions like this one the rating is"
        yield _fact(film, says, span)
    else:
        yield _fact(film, "by the spread of the ratings known it may be", span)


def _sure(found: Prediction) -> Iterator[Fact]:
    yield _fact("confidence", "confidence is", found.confidence)
    if found.within_half_star is not None:
        share = f"{found.within_half_star:.0%} of predictions like this one"
        yield _fact("confidence", share, "are at most half a star off")
    if not found.neighbours and all(one.similarity is None for one in found.rests_on):
        return
    near, n = found.neighbours, found.ratings
    alike = "" if found.distance is None else f" (alike {1 - found.distance:.2f})"
    rated = f"{near or 'none'} of the {n} films rated {'is' if near <= 1 else 'are'}"
    one = f"the one film rated is{'' if near else ' not'}"
    yield _fact("films rated", f"{one if n == 1 else rated} near {found.film}", alike.strip())


def _by_level(found: Prediction) -> list[list[Fact]]:
    """The baseline knows only how the user rates, whatever the films: all of them count alike."""
    if not found.ratings:
        return []
    added = found.value - found.expected
    others = f"the user's ratings of {count(found.ratings, 'other film')} are"
    if abs(added) < _LEAST_LEVEL:
        return [[_fact("ratings", others, "like the crowd's"), _anybody(found)]]
    side: Polarity = "for" if added > 0 else "against"
    lifted, above = ("lifted", "above") if added > 0 else ("lowered", "below")
    says = f"the prediction for {found.film} is {lifted} by"
    moved = _fact(found.film, says, f"{abs(added):.1f}", side)
    return [[moved, _fact("ratings", others, f"{above} the crowd's", side), _anybody(found)]]


def _by_films(found: Prediction) -> list[list[Fact]]:
    sides: list[tuple[int, Polarity, str]] = [(1, "for", "lifted"), (-1, "against", "lowered")]
    moved = []
    for sign, side, word in sides:
        says = f"the prediction for {found.film} is {word} by the"
        bases = [one for one in found.rests_on if sign * one.influence >= _LEAST_INFLUENCE]
        named = [(name_film(one.title, one.year), one.rating) for one in bases[:_SHOWN]]
        moved.append([_fact(name, says, f"{n:.1f} given to {name}", side) for name, n in named])
    return [*moved, [_anybody(found)]]


def _anybody(found: Prediction) -> Fact:
    return _fact("anybody", f"anybody is expected to give {found.film}", f"{found.expected:.1f}")


def _beside(found: Prediction) -> Iterator[Fact]:
    if found.rated is not None:
        given = f"{found.rated:.1f} already, which this prediction does not know"
        yield _fact(found.film, f"user {called(found.user_id)} gave {found.film}", given)
    if found.why:
        yield _fact("prediction", "the prediction says little here:", found.why)


def _fact(subject: str, says: str, value: str, side: Polarity = "neither") -> Fact:
    return Fact(subject, says, value, "prediction", side)
