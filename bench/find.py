"""Is the film that people mean the first one? Titles typed in every form, searched for."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from bench.machine import Machine, this_machine
from bench.typed import FORMS, Film, Form, normal
from palate.contract import SearchRequest, SearchResponse
from palate.errors import ConflictError
from palate.statements import Statements
from rerank.search import Searcher
from sql.database import Database
from sql.migrate import check_schema

statements = Statements.beside(__file__, "find")

_PAGE = 10


@dataclass
class Found:
    """How one form of titles fared: counts over ``searches``."""

    form: str
    searches: int = 0
    first: int = 0
    in_three: int = 0
    on_page: int = 0
    wrong_suggestions: int = 0
    misses: list[str] = field(default_factory=list)

    def share(self, part: int) -> str:
        """A part of the searches, as a table shows it."""
        return f"{part / self.searches:.3f}" if self.searches else "–"

    def count(self, text: str, right: set[int], response: SearchResponse) -> None:
        """Take one answer into account."""
        ids = [hit.movie_id for hit in response.hits]
        place = next((i for i, movie_id in enumerate(ids) if movie_id in right), None)
        self.searches += 1
        self.first += place == 0
        self.in_three += place is not None and place < 3
        self.on_page += place is not None
        if place != 0:
            self.misses.append(text)
        offered = response.did_you_mean or (response.reading and response.reading.text)
        # A suggestion may name several titles to choose from: `blade OR blaze`.
        named = {normal(title.strip("()")) for title in (offered or "").split(" OR ")}
        meant = place is not None and normal(response.hits[place].title) in named
        self.wrong_suggestions += bool(offered) and place != 0 and not meant


@dataclass(frozen=True)
class Report:
    """One run: each form for nobody, and for somebody with a taste."""

    machine: Machine
    engine: str
    films: int
    titles: int
    users: int
    seed: int
    nobody: list[Found]
    somebody: list[Found]


def bench_find(
    database: Database,
    *,
    titles: int = 500,
    users: int = 8,
    seed: int = 0,
    forms: Sequence[str] = tuple(FORMS),
    say: Callable[[str], None] = lambda _: None,
) -> Report:
    """Search for ``titles`` random titles in every form that they have.

    Each is searched for nobody and for one of the synthetic tasters and of ``users`` people, in
    turn. Forms that few titles have are taken from the whole catalog. Raises SchemaError when the
    database is not as this Palate expects, ConflictError when it has no films.
    """
    check_schema(database)
    films = _films(database)
    if not films:
        raise ConflictError("There are no films to look for. Nothing was measured.")
    with database.read() as connection:
        tasters = list(connection.execute(statements["tasters"], {"users": users}).scalars())
    named = _named(films)
    searcher = Searcher(database)
    nobody, somebody = [], []
    for name in forms:
        alone, tasted = Found(name), Found(name)
        for number, (text, film) in enumerate(_typed(name, films, named, titles, seed)):
            right = _right(name, text, film, named)
            people = [(alone, None)]
            if tasters:
                people.append((tasted, tasters[number % len(tasters)]))
            for found, user_id in people:
                request = SearchRequest(q=text, user_id=user_id, k=_PAGE)
                found.count(text, right, searcher.search(request))
        say(f"{name}: {alone.first} of {alone.searches} first, {tasted.first} for people")
        nobody.append(alone)
        somebody.append(tasted)
    return Report(
        this_machine(), database.search_engine.name, len(films), titles, len(tasters), seed,
        nobody, somebody,
    )  # fmt: skip


def _films(database: Database) -> list[Film]:
    with database.read() as connection:
        return [
            Film(row.movie_id, row.title, tuple((row.original_title or "").split(" / ")), row.year)
            for row in connection.execute(statements["films"])
        ]


def _named(films: Sequence[Film]) -> dict[str, set[Film]]:
    named: dict[str, set[Film]] = defaultdict(set)
    for film in films:
        for name in (film.title, *film.names):
            if name:
                named[normal(name)].add(film)
    return named


def _typed(
    name: str, films: Sequence[Film], named: dict[str, set[Film]], titles: int, seed: int
) -> Iterator[tuple[str, Film]]:
    """Texts of one form, at most ``titles``, and whom each is meant to find."""
    form: Form = FORMS[name]
    rng = random.Random(f"{seed} {name}")  # noqa: S311
    drawn = rng.sample(films, len(films))
    made = 0
    for film in drawn:
        text = form(film, rng)
        if text is None or (name in _OTHER_TEXT and _names_another(text, film, named)):
            continue
        yield text, film
        made += 1
        if made == titles:
            return


_OTHER_TEXT = {name for name in FORMS if "letter" in name or "typo" in name} | {
    "no article", "number in words", "number in digits", "number in Roman", "joined",
    "part left out", "asked for", "small word wrong", "small word added", "sounds alike", "plural",
}  # fmt: skip
"""Forms whose text may be another film's title: then it is that film that is meant."""


def _names_another(text: str, film: Film, named: dict[str, set[Film]]) -> bool:
    return normal(text) != normal(film.title) and normal(text) in named


def _right(name: str, text: str, film: Film, named: dict[str, set[Film]]) -> set[int]:
    """The films that may lead: the one, and who shares its title; of these the year decides."""
    same = named[normal(film.title)] | named.get(normal(text), set())
    if name.startswith("year"):
        same = {other for other in same if other.year == film.year}
    if name in ("beginning", "part without spaces"):
        same = same | {
            other
            for key, others in named.items()
            if key.startswith(normal(text)) or (name.startswith("part") and text in key)
            for other in others
        }
    return {film.movie_id} | {other.movie_id for other in same}
