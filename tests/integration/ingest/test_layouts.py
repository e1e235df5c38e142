"""Every layout and format of docs/loading.md, loaded by the command that stands there."""

import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest
from typer.testing import CliRunner

from serve.cli.main import app
from sql.database import Database
from tests.acceptance.pages import ROOT
from tests.integration.ingest.layouts import write_layouts
from tests.integration.ingest.test_load import contents, rows, until_nobody_loads

PAGE = (ROOT / "docs" / "loading.md").read_text(encoding="utf-8")
_ROW = re.compile(r"^\| .* \| `palate (ingest table [^`]*)` \|$", re.MULTILINE)
COMMANDS = _ROW.findall(PAGE)

FILMS = (
    "SELECT coalesce(item_id, movie_id::text), title, year, genres FROM movies ORDER BY movie_id"
)
RATINGS = """
SELECT coalesce(n.name, r.user_id::text), coalesce(m.item_id, m.movie_id::text), r.rating
FROM ratings r JOIN movies m USING (movie_id) LEFT JOIN user_names n USING (user_id) ORDER BY 1, 2
"""
ALIEN = ("Alien", 1979)
EXPECTED: dict[str, tuple[list[object], list[object]]] = {
    "ml-latest-small": (
        [("1", "Heat", 1995, ["Crime"]), ("2", "Up", 2009, ["Comedy"])], [("1", "1", 4.5)],
    ),
    "recbole": (
        [("242", "Kolya", 1996, ["Comedy"]),
         ("302", "L.A. Confidential", 1997, ["Crime", "Mystery"])],
        [("186", "302", 4.0), ("196", "242", 3.0)],
    ),
    "hetrec": (
        [("1", "Toy story", 1995, ["Adventure", "Comedy"]), ("2", "Amélie", 2001, ["Romance"])],
        [("75", "1", 1.0), ("75", "2", 4.5)],
    ),
    "netflix": (
        [("1", "Dinosaur Planet", 2003, []),
         ("2", "At Home Among Strangers, A Stranger Among His Own", 1974, []),
         ("3", "Character", None, [])],
        [("1488844", "1", 3.0), ("1488844", "3", 4.0), ("822109", "1", 5.0), ("885013", "2", 4.0)],
    ),
    "the-movies": (
        [("6", "Heat", 1995, ["Horror", "Science Fiction"]),
         ("1214", *ALIEN, ["Horror", "Science Fiction"])],
        [("1", "1214", 4.5), ("1", "6", 4.0)],
    ),
    "tmdb-5000": ([("348", *ALIEN, ["Horror"])], []),
    "title.basics.tsv.gz": (
        [("tt0111161", '"Shawshank"', 1994, ["Drama"]),
         ("tt0111162", "Unknown", None, ["Crime", "Drama"])], [],
    ),
    "imdb-ratings.csv": (
        [("tt0078748", *ALIEN, ["Horror", "Sci-Fi"]),
         ("tt0113277", "Heat", 1995, ["Action", "Crime"])],
        [("ann", "tt0078748", 5.0), ("ann", "tt0113277", 0.5)],
    ),
    "goodreads_library_export.csv": (
        [("1381", "The Odyssey", None, []), ("5907", "The Hobbit", 1937, [])],
        [("ann", "5907", 5.0)],
    ),
    "trakt/ratings-movies.json": (
        [("tt0078748", *ALIEN, []), ("tt0113277", "Heat", 1995, [])],
        [("ann", "tt0078748", 5.0), ("ann", "tt0113277", 0.5)],
    ),
    "storygraph.csv": (
        [("9780141439587", "Emma", None, []), ("9780441172719", "Dune, Messiah", None, [])],
        [("ann", "9780441172719", 4.25)],
    ),
    "bgg-collection.csv": (
        [("822", "Carcassonne", 2000, []), ("30549", "Pandemic", 2008, [])],
        [("ann", "822", 5.0)],
    ),
    "bgg-19m-reviews.csv": (
        [("822", "Carcassonne", None, []), ("30549", "Pandemic", None, [])],
        [("Mike Mayer", "822", 2.75), ("Torsten", "30549", 5.0), ("avlawn", "30549", 0.5)],
    ),
    "steam-200k.csv": (
        [("Dota 2", "Dota 2", None, []),
         ("The Elder Scrolls V Skyrim", "The Elder Scrolls V Skyrim", None, [])],
        [("151603712", "The Elder Scrolls V Skyrim", 5.0), ("59945701", "Dota 2", 3.0)],
    ),
    "ml-1m": (
        [("1", "Heat", 1995, ["Action", "Crime"]), ("2", "Amélie", 2001, ["Romance"])],
        [("1", "1", 4.0), ("1", "2", 5.0)],
    ),
    "amazon": (
        [("B00YQ6X8EO", "Alien", None, ["Horror", "DVD"]), ("0790747324", "Heat", None, [])],
        [("AGKHLEW2SOWHNMFQIJGBECAF7INQ", "0790747324", 2.0),
         ("AGKHLEW2SOWHNMFQIJGBECAF7INQ", "B00YQ6X8EO", 5.0)],
    ),
    "amazon-2018": ([("0000013714", "Alien", None, [])], [("A2SUAM1J3GNN3B", "0000013714", 5.0)]),
    "book-crossing": (
        [("0195153448", "Classical Mythology", 2002, []),
         ("042518630X", 'Purity in "Death"; a café', None, [])],
        [("276726", "0195153448", 2.5), ("276729", "042518630X", 5.0)],
    ),
    "myanimelist": (
        [("1", "Cowboy Bebop", None, ["Action", "Drama"]), ("5", "Trigun", None, ["Action"])],
        [("1", "5", 5.0), ("2", "1", 0.5)],
    ),
    "yelp": (
        [("XQfwVwDr-v0ZS3_Cbb", "Roxy", None, ["Cinema", "Arts"])],
        [("mh_-eMZ6K5", "XQfwVwDr-v0ZS3_Cbb", 3.0)],
    ),
    "retailrocket": (
        [("248676", "item 248676", None, []), ("355908", "item 355908", None, [])],
        [("257597", "355908", 4.0), ("992329", "248676", 5.0)],
    ),
    "lastfm": (
        [("1", "MALICE MIZER", None, []), ("2", "Diary", None, [])],
        [("2", "1", 5.0), ("3", "2", 3.0)],
    ),
    "usersha1-artmbid-artname-plays.tsv": (
        [("betty blowtorch", "betty blowtorch", None, []), ("die Ärzte", "die Ärzte", None, [])],
        [("00000c289a1829a808ac09c00daf10bc3c4e223b", "betty blowtorch", 5.0),
         ("00001411dc427966b17297bf4d69e7e193135d89", "die Ärzte", 4.0)],
    ),
}  # fmt: skip
FORMATS: tuple[list[object], list[object]] = (
    [("1", "Heat", 1995, []), ("2", "Amélie", 2001, [])], [("1", "1", 4.0), ("1", "2", 5.0)],
)  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("layouts")
    write_layouts(folder)
    return folder


def run(
    database: Database,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    piped: bytes | None = None,
) -> str:
    """Run a command in a folder; returns what it printed."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PALATE_DATABASE_URL", database.psql_url)
    done = CliRunner().invoke(app, shlex.split(command), piped, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_every_layout_and_format(
    database: Database, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = {}
    loaded = set()
    for command in COMMANDS:
        if "letterboxd" in command or command.endswith("-") or "://" in command:
            continue
        place = command.split()[2]
        run(database, files, monkeypatch, f"{command} --replace")
        found = rows(database, FILMS), rows(database, RATINGS)
        expected = EXPECTED.get(place, FORMATS)
        loaded.add(place)
        if found != (list(expected[0]), list(expected[1])):
            wrong[command] = found
    assert wrong == {}
    assert set(EXPECTED) <= loaded


def test_what_letterboxd_and_trakt_tell_beside_ratings(
    database: Database, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(database, files, monkeypatch, "ingest table trakt --user ann --replace")
    commands = re.findall(r"^\| .*\| `palate (ingest events [^`]*)` \|$", PAGE, re.MULTILINE)
    assert len(commands) == 6
    for command in commands:
        run(database, files, monkeypatch, command)
    told = (
        "SELECT type, m.title, happened_at::date::text FROM events JOIN movies m USING (movie_id) "
        "ORDER BY 1, 2, 3"
    )
    found = [
        ("liked", "Alien", "2016-01-04"),
        ("saved", "Heat", "2016-01-04"),
        ("saved", "Heat", "2016-01-05"),
        ("watched", "Alien", "2016-01-03"),
        ("watched", "Alien", "2016-01-04"),
        ("watched", "Alien", "2016-01-05"),
    ]
    assert rows(database, told) == found
    aside = (files / "watched.csv-rejected.csv").read_text()
    assert 'no one film here is called Nowhere, ""Here"" (2001)' in aside
    said = run(database, files, monkeypatch, "ingest table trakt --user ann --dry-run --again")
    assert "history-movies.json: not read: it tells what was watched: `palate ingest events" in said


def test_films_that_are_here_by_tmdbs_id_are_trakts_too(
    database: Database, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(database, files, monkeypatch, "ingest table tmdb-5000 --replace")
    said = run(database, files, monkeypatch, "ingest table trakt --name tmdb-5000 --user ann")
    assert "film that is here under another id, left as it is: 1" in said
    assert ("ann", "348", 5.0) in rows(database, RATINGS)


@pytest.mark.timeout(3600)
def test_a_load_that_is_killed_at_any_moment_is_whole_or_nothing(
    database: Database, files: Path
) -> None:
    """PALATE_TEST_KILLS=200 runs as many, over all layouts."""
    kills = int(os.environ.get("PALATE_TEST_KILLS", "3"))
    random = Random(kills)
    environment = {
        **os.environ,
        "PALATE_DATABASE_URL": database.psql_url,
        "PYTHONPATH": str(ROOT),
    }
    before = contents(database)
    for place in (random.choice(sorted(EXPECTED)) for _ in range(kills)):
        command = [sys.executable, "-m", "serve.cli", "ingest", "table", place, "--replace"]
        load = subprocess.Popen(
            command, cwd=files, env=environment, stderr=subprocess.PIPE, text=True
        )
        assert load.stderr is not None
        said = load.stderr.readline()  # the first step is over: what follows takes a moment
        time.sleep(random.random() * 0.3)
        load.kill()
        said += load.communicate()[1]
        until_nobody_loads(database)
        found = rows(database, FILMS), rows(database, RATINGS)
        new = tuple(map(list, EXPECTED[place]))
        assert contents(database) == before or found == new, f"{place}: {said}"
        before = contents(database)
