"""What became of each candidate of a recommendation, stage by stage: for operators."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import Field

from palate.contract import SOURCES, Frozen, Recommendations

_MOST_TOLD = 50

Note = Callable[[str, Iterable[int]], None]
"""Takes the name of a stage and the films that left it, in their order."""


class TracedFilm(Frozen):
    """A film that a stage took out or moved."""

    movie_id: int
    title: str
    why: str = Field(description="Why it is out, or from which place to which it went.")


class TracedStage(Frozen):
    """One stage."""

    name: str
    came: int = Field(description="Films that came in.")
    went: int = Field(description="Films that went on.")
    milliseconds: float = Field(description="Since the stage before.")
    left_out: tuple[TracedFilm, ...] = Field(description="The first 50 that it took out.")
    moved: tuple[TracedFilm, ...] = Field(description="The 50 that it moved farthest.")


class RecommendTrace(Frozen):
    """How an answer was made."""

    sources: dict[str, int] = Field(description="Candidates that each source gave.")
    stages: tuple[TracedStage, ...]
    answer: Recommendations


class Trace:
    """Notes what each stage does; `films` are the candidates, by id, as SQL gave them."""

    def __init__(self) -> None:
        self.films: dict[int, Mapping[str, Any]] = {}
        self._before: list[int] = []
        self._stages: list[TracedStage] = []
        self._clock = time.perf_counter()

    def note(self, name: str, order: Iterable[int]) -> None:
        """A stage is over, and these films left it."""
        now, after = time.perf_counter(), list(order)
        places = {movie_id: place for place, movie_id in enumerate(after, 1)}
        gone = [movie_id for movie_id in self._before if movie_id not in places]
        stays = enumerate((m for m in self._before if m in places), 1)
        moves = [(abs(places[m] - was), m, was) for was, m in stays if places[m] != was]
        moves.sort(key=lambda each: -each[0])
        self._stages.append(
            TracedStage(
                name=name,
                came=len(self._before) if self._stages else len(after),
                went=len(after),
                milliseconds=round((now - self._clock) * 1000, 2),
                left_out=tuple(self._film(m, self._why(name, m)) for m in gone[:_MOST_TOLD]),
                moved=tuple(
                    self._film(m, f"from {was} to {places[m]}") for _, m, was in moves[:_MOST_TOLD]
                ),
            )
        )
        self._before, self._clock = after, now

    def told(self, answer: Recommendations) -> RecommendTrace:
        """All of it."""
        given = [source for film in self.films.values() for source in film["sources"].split()]
        return RecommendTrace(
            sources={source: given.count(source) for source in SOURCES},
            stages=tuple(self._stages),
            answer=answer,
        )

    def _film(self, movie_id: int, why: str) -> TracedFilm:
        return TracedFilm(movie_id=movie_id, title=self.films[movie_id]["title"], why=why)

    def _why(self, stage: str, movie_id: int) -> str:
        reasons = {
            "rules": f"the rule {self.films[movie_id].get('taken_out_by')!r} takes it out",
            "franchise": "its franchise has as many films above it as it may",
            "page": "it stands behind this page",
        }
        return reasons.get(stage, "it is not among the first that pages walk through")
