"""How long recommendations, and films like one, take: over SQL and over HTTP, one client, in turns.

In turns, so that the machine's moods meet all of them alike. Over SQL statements are prepared; over
HTTP a server in a process of its own answers. Each answer is made, but for those of "HTTP, again".
"""

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from bench.growth import MadeUpFilms, fill
from bench.ingest import scratch_database
from bench.machine import Machine, this_machine
from bench.search import milliseconds
from bench.synthetic import synthetic_ratings
from bench.ways import getting, http_server, preparing
from bench.ways import statements as searches
from ingest.rows import RatingBlock
from learn.data import read_ratings
from learn.models.factors import Svd
from learn.registry import activate, save_factors
from palate.errors import ConflictError
from palate.statements import Statements
from sql.database import Database
from sql.migrate import check_schema

FILMS, RATINGS = 97_000, 1_000_000
AT_MOST = {"SQL recommend": 15.0, "HTTP recommend": 30.0, "SQL similar": 10.0}
"""Milliseconds that half of the answers may take."""

_PEOPLE = 32
_WARM_UP = 8  # PostgreSQL plans a prepared statement anew five times
_BLOCK = 50_000
_RANK = 64

_statements = Statements.beside(__file__, "recommend")


@dataclass(frozen=True)
class Timed:
    """Milliseconds of one kind of answer."""

    what: str
    answers: int
    p50: float
    p99: float

    @property
    def over(self) -> float | None:
        """By how many milliseconds the half is too slow; 0: it is not; None: nothing was asked."""
        return max(0.0, self.p50 - AT_MOST[self.what]) if self.what in AT_MOST else None


@dataclass(frozen=True)
class RecommendReport:
    """One run on one database."""

    machine: Machine
    engine: str
    films: int
    ratings: int
    times: tuple[Timed, ...]


class ManyRatings(MadeUpFilms):
    """Made-up films of which many people rated some."""

    name = "made-up, much rated"

    def __init__(self, films: int, ratings: int) -> None:
        super().__init__(films)
        self._count = ratings

    def ratings(self) -> Iterator[RatingBlock]:
        """As MovieLens' ratings are spread."""
        made = synthetic_ratings(self._count, films=self.size)
        rows = made.user_ids[made.rows]
        for start in range(0, len(made), _BLOCK):
            part = slice(start, start + _BLOCK)
            lines = [
                f"{user},{film - 1},{stars:g},{int(at)}\n"
                for user, film, stars, at in zip(
                    rows[part], made.movie_ids[made.columns[part]], made.values[part],
                    made.times[part], strict=True,
                )
            ]  # fmt: skip
            yield RatingBlock("".join(lines).encode(), len(lines), [(0, start + 1)])


def bench_recommend(
    database: Database, *, answers: int = 100, say: Callable[[str], None] = lambda _: None
) -> RecommendReport:
    """Measure so many answers of each kind. Raises SchemaError, and ConflictError where nobody has
    a taste or no film is near to another."""
    check_schema(database)
    with database.read() as connection:
        people = connection.execute(searches["tasters"], {"users": _PEOPLE}).scalars().all()
        films = connection.execute(_statements["films"], {"n": answers + _WARM_UP}).scalars().all()
        catalog = connection.execute(searches["catalog"]).one()
    if not people or not films:
        raise ConflictError(
            "Nobody in this database has a taste vector, so there is nothing to recommend by. "
            "Nothing was measured. Run `palate demo`, or load ratings and embeddings."
        )
    say(f"{catalog.films:,} films, {catalog.ratings:,} ratings: {answers:,} answers of each kind")
    asked = zip(itertools.cycle(people), itertools.cycle(films), strict=False)
    rounds = list(itertools.islice(asked, answers + _WARM_UP))
    seconds: dict[str, list[float]] = {}
    with ExitStack() as opened:
        calls = _calls(database, opened)
        for number, (person, film) in enumerate(rounds):
            for what, call in calls.items():
                started = time.perf_counter()
                call(person, film)
                if number >= _WARM_UP:
                    seconds.setdefault(what, []).append(time.perf_counter() - started)
    times = (
        Timed(what, len(taken), *milliseconds(taken, 50, 99)) for what, taken in seconds.items()
    )
    return RecommendReport(
        this_machine(),
        f"PostgreSQL {catalog.server}, {database.search_engine.name}",
        catalog.films,
        catalog.ratings,
        tuple(times),
    )


_Call = Callable[[int, int], object]


def _calls(database: Database, opened: ExitStack) -> dict[str, _Call]:
    """The kinds of answers; a film left out makes a request that nobody sent before."""
    ask = opened.enter_context(preparing(database))
    get = opened.enter_context(getting(opened.enter_context(http_server(database))))
    again = "/v1/recommend?user_id={}&exclude={}"

    def over_sql(name: str) -> _Call:
        statement = _statements.raw(name)
        return lambda person, film: ask(statement, {"person": person, "film": film})

    return {
        "SQL recommend": over_sql("recommend"),
        "SQL similar": over_sql("similar"),
        "HTTP recommend": lambda person, film: get(again.format(person, film)),
        "HTTP recommend, again": lambda person, film: get(again.format(person, film)),
        "HTTP similar": lambda person, film: get(f"/v1/movies/{film}/similar?user_id={person}"),
    }


def bench_made_up(
    database: Database,
    films: int = FILMS,
    ratings: int = RATINGS,
    *,
    answers: int = 100,
    say: Callable[[str], None] = lambda _: None,
) -> RecommendReport:
    """The same of a made-up catalog, in a scratch database on the same server."""
    with scratch_database(database) as scratch:
        say(f"loading {films:,} films and {ratings:,} ratings")
        fill(scratch, ManyRatings(films, ratings))
        known = read_ratings(scratch)
        say(f"learning {_RANK} factors")
        rank = max(2, min(_RANK, len(known.user_ids) // 4))
        activate(scratch, save_factors(scratch, Svd(rank=rank).fit(known), metrics={}))
        return bench_recommend(scratch, answers=answers, say=say)
