"""The API, a loader and the database are killed at random under load.

Whatever dies, a rating that was acknowledged is there, a load is there wholly or not at all, and
profiles and search agree with the ratings and films they were made from.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx
import pytest

from palate.settings import Settings
from palate.statements import Statements
from sql import keeper
from sql.database import Database
from sql.embedded import EmbeddedServer
from tests.ports import reserved_port

FILMS, RATERS, EACH = 200, 200, 60
FIRST_LIVE_USER = 900_000
STATEMENTS = Statements(Path(__file__).with_name("faults.sql"))
VERSIONS = {"Alpha": 2.5, "Beta": 4.0}
"""Two versions of one source: the first word of every title, and every rating."""

KILLS = ["api"] * 2 + ["loader"] * 3 + ["database"] * 3
PATIENCE = 120.0
PALATE = "from serve.cli.main import run; run()"


def write_source(folder: Path, version: str) -> Path:
    """A MovieLens folder in which every row tells its version."""
    folder.mkdir(parents=True)
    films = [f"{n},{version} film {n} ({1950 + n % 70}),Drama|Fantasy" for n in range(1, FILMS + 1)]
    (folder / "movies.csv").write_text("\n".join(["movieId,title,genres", *films, ""]))
    ratings = [
        f"{user},{1 + (user * 7 + n) % FILMS},{VERSIONS[version]},{1_500_000_000 + n}"
        for user in range(1, RATERS + 1)
        for n in range(EACH)
    ]
    (folder / "ratings.csv").write_text(
        "\n".join(["userId,movieId,rating,timestamp", *ratings, ""])
    )
    return folder


class Program:
    """A palate command in a process of its own, on one data directory."""

    def __init__(self, data_dir: Path, *arguments: str, **environment: str) -> None:
        self.said = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, "-c", PALATE, *arguments],
            env={**os.environ, **environment, "PALATE_DATA_DIR": str(data_dir)},
            stdout=self.said,
            stderr=self.said,
        )

    def end(self, how: signal.Signals) -> str:
        """Send a signal, wait for the end and return what it wrote."""
        self.process.send_signal(how)
        return self.finish()

    def finish(self) -> str:
        """Wait for the end and return what it wrote."""
        self.process.wait(PATIENCE)
        with self.said as said:
            said.seek(0)
            return said.read()


class Rater(threading.Thread):
    """Gives ratings over HTTP, each user and film once, and remembers what was acknowledged."""

    def __init__(self, url: str, first_user: int) -> None:
        super().__init__()
        self.url, self.user = url, first_user
        self.acknowledged: dict[tuple[int, int], float] = {}
        self.unknown: dict[tuple[int, int], float] = {}
        self.unexpected: list[str] = []
        self.stopping = threading.Event()

    def run(self) -> None:
        dice = random.Random(self.user)
        with httpx.Client(base_url=self.url, timeout=PATIENCE) as client:
            while not self.stopping.is_set():
                self.user += dice.random() < 0.2
                key = self.user, dice.randint(1, FILMS)
                if key not in self.acknowledged and key not in self.unknown:
                    self.rate(client, key, dice.randint(1, 10) / 2)

    def rate(self, client: httpx.Client, key: tuple[int, int], rating: float) -> None:
        try:
            answer = client.put(f"/v1/users/{key[0]}/ratings/{key[1]}", json={"rating": rating})
        except httpx.HTTPError:
            self.unknown[key] = rating
            time.sleep(0.02)
            return
        if answer.is_success:
            self.acknowledged[key] = rating
        else:
            self.unknown[key] = rating
            if answer.status_code not in (503, 504):
                self.unexpected.append(answer.text)


class Loaders(threading.Thread):
    """Loads the two versions in turn, for ever; what fails says so without a traceback."""

    def __init__(self, data_dir: Path, sources: list[Path]) -> None:
        super().__init__()
        self.data_dir, self.sources = data_dir, sources
        self.current: Program | None = None
        self.completed = 0
        self.unexpected: list[str] = []
        self.stopping = threading.Event()

    def run(self) -> None:
        turn = 0
        while not self.stopping.is_set():
            turn += 1
            source = self.sources[turn % len(self.sources)]
            self.current = Program(self.data_dir, "ingest", "movielens", str(source))
            said = self.current.finish()
            status = self.current.process.returncode
            self.completed += status == 0
            if "Traceback" in said or status not in (0, 1, -signal.SIGKILL):
                self.unexpected.append(f"{status}: {said}")


class House:
    """Everything that runs: the API, its raters, the loaders, and the server below them."""

    def __init__(self, data_dir: Path, sources: list[Path], port: int) -> None:
        self.data_dir, self.port = data_dir, port
        self.unexpected: list[str] = []
        self.api = self.start_api()
        url = f"http://127.0.0.1:{port}"
        self.raters = [Rater(url, FIRST_LIVE_USER * n) for n in (1, 2, 3)]
        self.loaders = Loaders(data_dir, sources)
        self.threads: list[Rater | Loaders] = [*self.raters, self.loaders]
        for thread in self.threads:
            thread.start()

    def start_api(self) -> Program:
        return Program(self.data_dir, "serve", PALATE_PORT=str(self.port))

    def acknowledged(self) -> int:
        return sum(len(rater.acknowledged) for rater in self.raters)

    def wait_for_ratings(self, more: int) -> None:
        """Wait until ratings are acknowledged again, so that every kill is one under load."""
        enough = self.acknowledged() + more

        def there() -> bool:
            if self.api.process.poll() is not None:
                self.restart_api()
            return self.acknowledged() >= enough

        assert keeper.wait_for(there, PATIENCE), "no rating is acknowledged any more"

    def wait_for_a_load(self) -> None:
        """On a busy machine every load so far may have been killed, or lost its database."""
        assert keeper.wait_for(lambda: self.loaders.completed > 0, PATIENCE), "no load ends"

    def restart_api(self) -> None:
        """What a supervisor does: the database may be killed while the API starts."""
        said = self.api.finish()
        known = "does not answer" in said or "is starting up, recovering" in said
        if not known or "Traceback" in said:
            self.unexpected.append(said)
        self.api = self.start_api()

    def kill(self, victim: str) -> None:
        if victim == "api":
            self.api.end(signal.SIGKILL)
            self.api = self.start_api()
        elif victim == "loader" and self.loaders.current is not None:
            self.loaders.current.process.kill()
        elif victim == "database" and (pid := EmbeddedServer.status(self.data_dir).pid):
            os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        for thread in self.threads:
            thread.stopping.set()
        for thread in self.threads:
            thread.join(PATIENCE)
        self.api.end(signal.SIGTERM)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_kills_lose_no_acknowledged_rating_and_leave_nothing_half_written(
    data_dir: Path, tmp_path: Path
) -> None:
    sources = [write_source(tmp_path / version / "films", version) for version in VERSIONS]
    first = Program(data_dir, "ingest", "movielens", str(sources[0]))
    said = first.finish()
    assert first.process.returncode == 0, said
    settings = Settings(data_dir=data_dir, _env_file=None)
    with Database.open(settings) as database, database.begin() as connection:
        connection.execute(STATEMENTS["add_vectors"])
        connection.execute(STATEMENTS["add_model"])

    dice = random.Random()
    victims = dice.sample(KILLS, len(KILLS))
    with reserved_port() as port:
        house = House(data_dir, sources, port)
        try:
            house.wait_for_ratings(30)
            for victim in victims:
                time.sleep(dice.uniform(0, 1))
                house.kill(victim)
                house.wait_for_ratings(30)
            house.wait_for_a_load()
        finally:
            house.close()

    assert house.unexpected + house.loaders.unexpected == []
    assert [answer for rater in house.raters for answer in rater.unexpected] == []
    with Database.open(settings) as database:
        check_ratings(database, house.raters)
        check_load(database)
        check_profiles(database)


def check_ratings(database: Database, raters: list[Rater]) -> None:
    """What was acknowledged is there; what failed is there whole or not at all."""
    with database.read() as connection:
        rows = connection.execute(STATEMENTS["live_ratings"], {"first_live_user": FIRST_LIVE_USER})
        found = {(user, film): rating for user, film, rating in rows}
    acknowledged = {key: rating for rater in raters for key, rating in rater.acknowledged.items()}
    unknown = {key: rating for rater in raters for key, rating in rater.unknown.items()}
    assert {key: found.get(key) for key in acknowledged} == acknowledged
    assert found.items() <= (acknowledged | unknown).items()


def check_load(database: Database) -> None:
    """Films, ratings and search index are of one version, and complete."""
    with database.read() as connection:
        row = connection.execute(STATEMENTS["loaded"], {"first_live_user": FIRST_LIVE_USER}).one()
    assert (row.movies, row.ratings) == (FILMS, RATERS * EACH)
    [title], [rating] = row.titles, row.versions
    assert VERSIONS[title] == rating
    assert row.alphas == (FILMS if title == "Alpha" else 0)


def check_profiles(database: Database) -> None:
    """Triggers kept every profile as a full refresh makes it."""
    with database.begin() as connection:
        assert connection.execute(STATEMENTS["wrong_profiles"]).scalar_one() == 0
        connection.execute(STATEMENTS["before_refresh"])
        connection.execute(STATEMENTS["refresh_profiles"])
        drift = connection.execute(STATEMENTS["drift"]).one()
    assert drift.users >= RATERS
    assert drift.largest < 1e-5
