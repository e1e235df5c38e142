"""Every command of README and docs does what it says, typed as it stands there."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from sql.embedded import EmbeddedServer
from tests.acceptance.pages import BIN, ROOT, Command, commands, shell
from tests.acceptance.warm import warm_palate

PAGES = [
    page for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))] if commands(page)
]

NOT_RUN = {
    "make test": "runs this very test",
    "make demo": "palate demo is run instead, in the environment that make set up",
    "make samples": "rebuilds what the sample's own test compares",
    "palate evaluate search --users 20 --queries one-word": "docs/quality.md measures, too",
    "palate tune svd --trials 2": "docs/training.md tunes, too",
    "palate tune order --trials 2": "tests/integration/learn/test_tuning.py tunes an order",
    "palate embed generate few.csv --movie 1 --movie 2": "docs/embeddings.md makes some, too",
    "palate ingest embeddings few.csv": "docs/embeddings.md loads some, too",
    "palate sync tmdb": "needs a key; tests/integration/ingest/test_sync.py plays the service",
    "palate sync justwatch --days 7": "needs a token; played as well",
    "palate bench search --requests 40 --clients 1 --candidates 100": "measured above with 20",
}

ONCE = (
    "palate train",
    "palate embed generate vectors.parquet",
    "palate doctor",
    "palate test-users check",
    "palate bench ingest --rows 20000",
    "palate features build features",
    "palate llm faithful --n 4",
)
"""Costly, and nothing that follows needs it again: run on the first page that has it."""

MOVIELENS = {
    "movies.csv": [
        "movieId,title,genres",
        "1,Dragonslayer (1981),Action|Adventure|Fantasy",
        '2,"Lord of War (2005)",Action|Crime|Drama',
        '3,"Lord of the Rings, The (1978)",Adventure|Animation|Fantasy',
        '4,"King\'s Speech, The (2010)",Drama',
        "5,King Kong (1933),Adventure|Fantasy|Horror",
        "6,Heat (1995),Action|Crime|Thriller",
    ],
    "links.csv": ["movieId,imdbId,tmdbId", *(f"{i},000000{i},{i}" for i in range(1, 7))],
    "tags.csv": ["userId,movieId,tag,timestamp", "2,1,dragons,1445714994"],
    "ratings.csv": [
        "userId,movieId,rating,timestamp",
        *(
            f"{user},{film},{(user * film) % 10 / 2 + 0.5},{964982703 + user * film}"
            for user in range(1, 6)
            for film in range(1, 7)
        ),
    ],
}


COSTLY = {"cli.md", "models.md", "performance.md", "quality.md", "training.md"}
"""Pages that train and measure."""


def fresh(server: EmbeddedServer) -> str:
    """The address of a PostgreSQL of one's own: here an empty database of the test's server."""
    name = f"own_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server.url_for("postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
    return f"'{server.url_for(name)}'"


@pytest.fixture
def movielens(tmp_path: Path) -> Path:
    """A folder in MovieLens's layout with films of our own."""
    folder = tmp_path / "ml-latest-small"
    folder.mkdir()
    for name, lines in MOVIELENS.items():
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def after_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data directory of somebody who has seen the demo; nothing runs on it."""
    folder = tmp_path_factory.mktemp("demo")
    with shell(folder) as person:
        person.run(Command("console", "palate demo"))
        EmbeddedServer.stop(folder / "data")
        yield folder / "data"


FEW = """
DELETE FROM ratings WHERE user_id BETWEEN 151 AND 20000;
DELETE FROM users WHERE user_id BETWEEN 151 AND 20000;
SELECT refresh_stats();
"""


@pytest.fixture(scope="module")
def after_demo_of_few(tmp_path_factory: pytest.TempPathFactory, after_demo: Path) -> Iterator[Path]:
    """The same with a quarter of the raters: pages that train often do it in a quarter of the
    time."""
    folder = tmp_path_factory.mktemp("few")
    with shell(folder, like=after_demo) as person:
        person.run(Command("console", "palate db start"))
        person.run(Command("sql", FEW))
        EmbeddedServer.stop(folder / "data")
        yield folder / "data"


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A ``palate`` that begins at once; the README's commands are run by the real one."""
    with warm_palate(tmp_path_factory.mktemp("warm")) as programs:
        yield programs


def run_on(page: Path) -> list[Command]:
    """The commands of a page that are run there."""
    earlier = {one.text for before in PAGES[: PAGES.index(page)] for one in commands(before)}
    return [
        one
        for one in commands(page)
        if one.text not in NOT_RUN and not (one.text in ONCE and one.text in earlier)
    ]


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "page",
    [
        pytest.param(
            page,
            id=str(page.relative_to(ROOT)),
            marks=[pytest.mark.slow] if page.name in COSTLY else [],
        )
        for page in PAGES
    ],
)
def test_the_commands_of_a_page(
    page: Path,
    tmp_path: Path,
    movielens: Path,
    server: EmbeddedServer,
    after_demo: Path,
    after_demo_of_few: Path,
    warm: Path,
) -> None:
    meant = {
        "path/to/ml-latest-small": str(movielens),
        "postgresql://user:password@localhost:5432/palate": fresh(server),
    }
    first = page.name == "README.md"
    like, programs = (after_demo, BIN) if first else (after_demo_of_few, warm)
    with shell(tmp_path, meant, like=like, programs=programs) as person:
        person.run(Command("console", "palate db start"))
        for command in run_on(page):
            person.run(command)
