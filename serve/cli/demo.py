"""`palate demo`: the whole path on the sample, ending with the orders side by side."""

import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which

from rich.text import Text

from ingest.sources.sample import NAME
from learn.registry import active_model
from learn.train import train
from palate.contract import SearchRequest
from palate.errors import ConflictError
from palate.statements import Statements
from rerank.search import Searcher
from serve.cli.command import command
from serve.cli.ingest import load_sample
from serve.cli.orders import Order, print_reasons, print_side_by_side
from serve.cli.output import Done, out, say
from serve.cli.session import Session
from sql.database import Database
from sql.migrate import migrate
from test_users.tasters import create_tasters

WORDS = ("lord", "king")
LOVER, HATER, YOU = 20001, 20002, 1001
GENRE = "Fantasy"
_SELECT = "SELECT rank, moved, title FROM search('lord', for_user => 20001)"
_WIDTH = 120
_statements = Statements.beside(__file__, "demo")
_COLUMNS = (
    (None, "unpersonalised"),
    (LOVER, f"{LOVER}, the fantasy lover"),
    (HATER, f"{HATER}, the fantasy hater"),
)


@command("palate demo", "palate --data-dir /tmp/films demo")
def demo(session: Session) -> Done:
    """Load the sample and show what nobody, a fantasy lover and a fantasy hater see.

    Starts the embedded server, migrates it, loads 3,200 films, 600 synthetic raters and text
    embeddings, learns factors from their ratings, and makes the test users; what is there already
    is kept.
    """
    with session.database() as database:
        _prepare(database)
        searcher = Searcher(database, session.settings)
        found = {
            word: [
                Order(name, searcher.search(SearchRequest(q=word, user_id=user, explain="facts")))
                for user, name in _COLUMNS
            ]
            for word in WORDS
        }
    responses = {word: [order.response for order in orders] for word, orders in found.items()}
    return Done(responses, lambda: _show_all(found))


def _show_all(found: dict[str, list[Order]]) -> None:
    for word, orders in found.items():
        _show(word, orders)
    _show_next(found[WORDS[0]][0].response.hits[0].movie_id)


def _prepare(database: Database) -> None:
    """The schema, the sample, a model and the tasters: each only where it is missing."""
    with _step("Schema") as done:
        applied = migrate(database)
        done.append(f"{len(applied)} migrations applied" if applied else "up to date")
    with _step("Sample") as done:
        done.append(_load_sample(database))
    with _step("Model") as done:
        done.append(_learn(database))
    with _step("Test users") as done:
        created = create_tasters(database)
        films = max(taster.films for taster in created)
        done.append(f"{len(created)} made, rating up to {films} fantasy films each")


def _load_sample(database: Database) -> str:
    """Load the sample unless it is there. Raises ConflictError beside another source."""
    with database.read() as connection:
        loaded = connection.execute(_statements["loaded"]).one()
    if loaded.source == NAME and loaded.model is not None:
        return "already loaded"
    if loaded.source not in (None, NAME):
        raise ConflictError(
            f"The database holds {loaded.source}, and the demo needs the sample. Nothing was "
            "changed. Give the demo a database of its own with `palate --data-dir DIR demo`."
        )
    report = load_sample(database)
    return f"{report.movies:,} films and {report.ratings:,} ratings by COPY, with embeddings"


def _learn(database: Database) -> str:
    """Factors from the ratings, without measuring them, unless a model is in use."""
    used = active_model(database, "factors")
    if used is not None:
        return f"{used} is in use"
    learned = train(database, evaluate=False).factors
    return f"{learned} learned, {learned.parameters['rank']} numbers a film"


@contextmanager
def _step(name: str) -> Iterator[list[str]]:
    """One step of the preparation; what is put into the list is shown when it is done."""
    started = time.monotonic()
    done: list[str] = []
    yield done
    say(f"{name:<11} {' '.join(done)} ({time.monotonic() - started:.1f} s)")


def _show(word: str, orders: list[Order]) -> None:
    tops = [sum(GENRE in hit.genres for hit in order.response.hits) for order in orders]
    nobody, lover, hater = tops
    out().print(Text(f"\n{word}", style="bold"))
    print_side_by_side(orders, mark=GENRE, width=_WIDTH)
    out().print(
        f"{GENRE} films in the top {len(orders[0].response.hits)}: {nobody} for nobody, "
        f"{lover} for the lover, {hater} for the hater."
    )
    out().print()
    print_reasons(orders[1:], 1, _WIDTH)


def _show_next(movie_id: int) -> None:
    """What to type next, with a film that is there."""
    steps = (
        (f"palate search dragon --user {LOVER} --user {HATER}", "another word, side by side"),
        (f"palate search magic --user {LOVER} --explain", "parts of each score, and reasons"),
        (f"palate user rate {YOU} {movie_id} 5.0", "your own taste: the next search knows it"),
        (f"palate search {WORDS[0]} --user {YOU}", "your own order"),
        ("palate test-users check", "six words for four tasters, as a verdict"),
        ("palate serve", "HTTP: http://127.0.0.1:8080/v1/search?q=lord&user_id=20001"),
        (f'palate db psql -- -c "{_SELECT}"', ""),
    )
    width = max(len(typed) for typed, what in steps if what)
    out().print(Text("\nWhat next?", style="bold"))
    if which("palate") is None:
        folder = Path(sys.executable).parent
        out().print(f"  export PATH={shlex.quote(str(folder))}:$PATH", soft_wrap=True)
    for typed, what in steps:
        out().print(f"  {typed:<{width}}  {what}".rstrip(), soft_wrap=True)
