"""The registry: what activation refuses, what kill -9 leaves, and who hears of a change."""

import dataclasses
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from learn import registry
from learn.data import read_ratings
from learn.models.factors import Svd
from learn.models.interface import Ratings
from palate.errors import ConflictError
from palate.settings import Settings
from rerank.search import Searcher
from serve.api.watches import ModelWatch
from sql.database import Database
from sql.embedded import EmbeddedServer
from tests.conftest import cloned


@pytest.fixture(scope="module")
def database(
    server: EmbeddedServer, settings: Settings, sample_template: str
) -> Iterator[Database]:
    with cloned(server, settings, sample_template) as database:
        yield database


@pytest.fixture(scope="module")
def ratings(database: Database) -> Ratings:
    return read_ratings(database)


def store(database: Database, ratings: Ratings, ndcg: float | None) -> int:
    metrics = {} if ndcg is None else {"ndcg@10": ndcg}
    return registry.save_factors(database, Svd(rank=4).fit(ratings), metrics=metrics)


def states(database: Database) -> dict[int, str]:
    return {model.id: model.state for model in registry.list_models(database)}


def test_only_models_of_the_same_ratings_are_compared(database: Database, ratings: Ratings) -> None:
    some = ratings.where(ratings.values > 1)
    good = registry.activate(database, store(database, ratings, 0.6), force=True)
    worse, unmeasured = store(database, ratings, 0.5), store(database, some, None)
    for refused in (worse, unmeasured):
        with pytest.raises(ConflictError, match="--force"):
            registry.activate(database, refused)
    assert registry.active_model(database, "factors") == good
    other = registry.activate(database, store(database, some, 0.5))
    said = registry.not_comparable(other, good)
    assert said is not None
    assert "different ratings" in said
    assert registry.not_comparable(registry.get_model(database, worse), good) is None
    assert registry.not_comparable(other, None) is None


def test_what_is_stored_is_read_back(database: Database, ratings: Ratings) -> None:
    model = Svd(rank=4).fit(ratings)
    ids, factors_in, factors_out = registry.read_factors(
        database, registry.save_factors(database, model, metrics={})
    )
    assert ids.tolist() == model.movie_ids.tolist()
    assert factors_in == pytest.approx(model.factors_in)
    assert factors_out == pytest.approx(model.factors_out)


_KILLED = """
import sys
import psycopg
from palate.settings import Settings
from learn.data import read_ratings
from learn import registry
from learn.models.factors import Svd
from sql.database import Database

url, model_id = sys.argv[1], int(sys.argv[2])

def wait(*_):
    print("now", flush=True)
    sys.stdin.read()

if model_id:
    with psycopg.connect(url) as connection:
        connection.execute("SELECT activate_model(%s)", (model_id,))
        wait()
with Database(url, Settings(_env_file=None)) as database:
    model = Svd(rank=4).fit(read_ratings(database))
    registry.write_factors = wait
    registry.save_factors(database, model, metrics={})
"""


@pytest.mark.parametrize("moment", ["while factors are written", "before activation is committed"])
def test_kill_9_leaves_the_active_model(database: Database, ratings: Ratings, moment: str) -> None:
    registry.activate(database, store(database, ratings, 0.6), force=True)
    candidate = store(database, ratings, 0.7)
    before = states(database)
    chosen = candidate if "activation" in moment else 0
    killed = subprocess.Popen(
        [sys.executable, "-c", _KILLED, database.psql_url, str(chosen)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert killed.stdout is not None
    assert killed.stdout.readline() == b"now\n"
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert states(database) == before
    registry.activate(database, candidate)  # nothing of the killed one is in the way
    assert states(database)[candidate] == "active"


def test_a_change_is_told_to_whoever_listens(
    database: Database, ratings: Ratings, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = threading.Event()
    monkeypatch.setattr(Searcher, "preload_order", lambda _: told.set())
    watch = ModelWatch(database, Searcher(database))
    watch.start()
    try:
        assert told.wait(120)  # as soon as it listens
        model = store(database, ratings, 0.9)
        for change in (
            lambda: registry.activate(database, model, force=True),
            lambda: registry.deactivate(database, "factors"),
            lambda: registry.remove(database, model),
        ):
            told.clear()
            change()
            assert told.wait(120)
    finally:
        watch.stop()


def test_a_lost_connection_is_tried_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ModelWatch, "again", 0.01)
    nowhere = Database("postgresql://nobody@127.0.0.1:9/nothing", settings)
    watch = ModelWatch(nowhere, Searcher(nowhere))
    watch.start()
    assert watch.is_alive()
    watch.stop()
    nowhere.close()


def test_an_order_can_be_parsed_ahead(database: Database, ratings: Ratings) -> None:
    searcher = Searcher(database)
    searcher.preload_order()
    broken = registry.save_order(
        database, "broken", "no model", parameters={}, metrics={}, ratings=ratings
    )
    registry.activate(database, broken, force=True)
    searcher.preload_order()  # what cannot be read is left alone
    registry.deactivate(database, "order")
    assert dataclasses.asdict(registry.get_model(database, broken))["state"] == "retired"
