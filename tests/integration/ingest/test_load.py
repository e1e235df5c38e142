"""Loading: all or nothing, twice is once, and what is wrong is named."""

import csv
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from bench.ingest import PeakMemory, generate
from ingest.load import load
from ingest.progress import LoadProgress
from ingest.rejects import RejectedLineError
from ingest.rows import Movie, RatingBlock, Rejected, Source, Tag
from ingest.sources.movielens import MovieLens
from ingest.sources.sample import sample
from ingest.sources.table import Table
from palate import contract
from palate.errors import ConflictError, LoadError
from sql.database import Database
from tests.conftest import DATA

FILMS = "movieId,title,genres\n1,Toy Story (1995),Animation\n2,Heat (1995),Crime\n"
RATINGS = "userId,movieId,rating,timestamp\n1,1,4.0,964982703\n1,2,4.5,964981247\n7,1,0.5,99\n"
TAGS = "userId,movieId,tag,timestamp\n1,1,pixar,1139045764\n1,1,pixar,1139045765\n"


def folder(path: Path, **texts: str) -> Path:
    path.mkdir(exist_ok=True)
    for name, content in {"movies": FILMS, "ratings": RATINGS, "tags": TAGS, **texts}.items():
        (path / f"{name}.csv").write_text(content)
    return path


def rows(database: Database, query: str, **parameters: object) -> list[tuple[Any, ...]]:
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(text(query), parameters)]


def write(database: Database, statement: str, **parameters: object) -> None:
    with database.begin() as connection:
        connection.execute(text(statement), parameters)


def contents(database: Database) -> list[list[tuple[Any, ...]]]:
    """Everything that a load writes."""
    return [
        rows(database, "SELECT * FROM movies ORDER BY movie_id"),
        rows(database, "SELECT * FROM ratings ORDER BY user_id, profile, movie_id"),
        rows(database, "SELECT * FROM tags ORDER BY user_id, movie_id, tag"),
        rows(database, "SELECT name, movies, ratings, tags FROM sources"),
        rows(database, "SELECT user_id, profile, rating_count FROM users ORDER BY 1, 2"),
    ]


# What a load does


def test_a_movielens_folder(database: Database, tmp_path: Path) -> None:
    report = load(database, MovieLens(folder(tmp_path / "ml")))
    assert (report.movies, report.ratings, report.tags, report.rejected) == (2, 3, 2, 0)
    assert rows(database, "SELECT title, year, genres, rating_count FROM movies ORDER BY 1") == [
        ("Heat", 1995, ["Crime"], 1),
        ("Toy Story", 1995, ["Animation"], 2),
    ]
    assert rows(database, "SELECT avg_rating FROM movies WHERE movie_id = 1") == [(2.25,)]
    assert rows(database, "SELECT rating, rated_at FROM ratings WHERE user_id = 1 ORDER BY 1") == [
        (4.0, datetime(2000, 7, 30, 18, 45, 3, tzinfo=UTC)),
        (4.5, datetime(2000, 7, 30, 18, 20, 47, tzinfo=UTC)),
    ]
    assert rows(database, "SELECT user_id, rating_count FROM users ORDER BY 1") == [(1, 2), (7, 1)]
    assert rows(database, "SELECT tag, tagged_at FROM tags") == [
        ("pixar", datetime(2006, 2, 4, 9, 36, 4, tzinfo=UTC))
    ]
    assert rows(database, "SELECT name, movies, ratings, tags FROM sources") == [("ml", 2, 3, 2)]


def test_the_sample(database: Database) -> None:
    with sample() as source:
        report = load(database, source)
    assert report.rejected == 0
    assert rows(database, "SELECT count(*) > 3000 FROM movies") == [(True,)]
    assert rows(database, "SELECT min(user_id), max(user_id), bool_or(synthetic) FROM users") == [
        (1, 600, False)
    ]


@pytest.mark.skipif(not DATA.is_dir(), reason="needs MovieLens, which is no part of the project")
def test_real_movielens_with_metadata(database: Database) -> None:
    source = MovieLens(DATA / "ml-latest-small", DATA / "tmdb_metadata.jsonl.gz")
    report = load(database, source)
    assert (report.movies, report.ratings, report.tags) == (9742, 100836, 3683)
    assert rows(
        database, "SELECT title, original_title, director FROM movies WHERE movie_id = 2571"
    ) == [("The Matrix", None, "Lilly Wachowski, Lana Wachowski")]
    assert load(database, source).changed == 0


def test_twice_changes_nothing(database: Database, tmp_path: Path) -> None:
    source = MovieLens(folder(tmp_path / "ml"))
    load(database, source)
    before = contents(database), rows(database, "SELECT xmin::text FROM ratings ORDER BY user_id")
    assert load(database, source, again=True).changed == 0
    assert (
        contents(database),
        rows(database, "SELECT xmin::text FROM ratings ORDER BY user_id"),
    ) == before


def test_what_was_loaded_is_not_loaded_again_unless_told(
    database: Database, tmp_path: Path
) -> None:
    place = folder(tmp_path / "ml")
    assert not load(database, MovieLens(place)).repeated
    write(database, "UPDATE movies SET title = 'Toys' WHERE movie_id = 1")
    before = contents(database)
    assert load(database, MovieLens(place)).repeated
    assert load(database, MovieLens(place.rename(tmp_path / "renamed"))).repeated
    assert contents(database) == before
    assert load(database, MovieLens(tmp_path / "renamed"), replace=True).repeated
    (tmp_path / "renamed").rename(place)
    assert load(database, MovieLens(place), again=True).changed == 1


def test_a_load_of_which_lines_were_refused_is_not_remembered(
    database: Database, tmp_path: Path
) -> None:
    place, rejects = tmp_path / "ml", tmp_path / "rejects.csv"
    folder(place, ratings=RATINGS + "1,3,4,5\n")
    for _ in range(2):
        report = load(database, MovieLens(place), on_error="skip", rejects=rejects)
        assert (report.repeated, report.rejected) == (False, 1)


def test_a_newer_and_an_older_file_are_loaded_once_each(database: Database, tmp_path: Path) -> None:
    older, newer = tmp_path / "a" / "ml", tmp_path / "b" / "ml"
    for place in (older, newer):
        place.parent.mkdir()
    load(database, MovieLens(folder(older)))
    load(database, MovieLens(folder(newer, ratings=RATINGS + "9,1,3,7\n")))
    assert load(database, MovieLens(older)).repeated
    assert not load(database, MovieLens(older), replace=True).repeated
    assert rows(database, "SELECT count(*) FROM ratings") == [(3,)]


@pytest.mark.parametrize(
    "worse",
    ["7,1,0.5,98\n", "7,5,4.0,99\n", "7,2,9.0,99\n", "7,2,4.0,\n", "7,2,4.0,9999999999\n",
     "ann,2,4.0,99\n"],
)  # fmt: skip
def test_clean_ratings_take_the_straight_way_and_end_as_on_the_careful_one(
    database: Database, tmp_path: Path, worse: str
) -> None:
    steps: list[str] = []

    class Steps(LoadProgress):
        def step(self, name: str, total: int | None = None) -> None:  # noqa: ARG002
            steps.append(name)

    load(database, MovieLens(folder(tmp_path / "ml")), progress=Steps())
    assert "Reading ratings" not in steps, "they are written as they are read"
    straight = contents(database)[1:]
    report = load(
        database, MovieLens(folder(tmp_path / "ml", ratings=RATINGS + worse)), replace=True,
        on_error="skip", rejects=tmp_path / "rejects.csv", progress=Steps(),
    )  # fmt: skip
    assert "Reading ratings" in steps
    assert report.rejected + (worse == "7,1,0.5,98\n" and len(report.notes)) == 1
    assert contents(database)[1:] == straight


def test_a_file_that_grows_or_is_cut_while_it_is_read_is_refused(
    database: Database, tmp_path: Path
) -> None:
    place = folder(tmp_path / "ml")

    class Meanwhile(LoadProgress):
        def step(self, name: str, total: int | None = None) -> None:  # noqa: ARG002
            if name == "Reading tags":
                (place / "ratings.csv").write_text(RATINGS[:-9])

    with pytest.raises(LoadError, match="changed while it was read"):
        load(database, MovieLens(place), progress=Meanwhile())
    assert rows(database, "SELECT count(*) FROM movies") == [(0,)]


def test_times_that_no_client_can_read_are_refused(database: Database, tmp_path: Path) -> None:
    load(database, MovieLens(folder(tmp_path / "ml")))
    for at in ("infinity", "-infinity", "20000-01-01"):
        with pytest.raises(IntegrityError):
            write(database, "UPDATE ratings SET rated_at = CAST(:at AS timestamptz)", at=at)


def test_a_newer_file_updates_and_adds(database: Database, tmp_path: Path) -> None:
    load(database, MovieLens(folder(tmp_path / "ml")))
    newer = folder(
        tmp_path / "ml",
        movies=FILMS.replace("Crime", "Crime|Drama") + "3,Alien (1979),Horror\n",
        ratings=RATINGS.replace("4.0,964982703", "2.0,964982704") + "8,3,5,100\n",
    )
    assert load(database, MovieLens(newer)).changed == 4
    assert rows(database, "SELECT rating FROM ratings ORDER BY user_id, movie_id") == [
        (2.0,),
        (4.5,),
        (0.5,),
        (5.0,),
    ]
    assert rows(database, "SELECT genres FROM movies WHERE movie_id = 2") == [(["Crime", "Drama"],)]


def test_what_the_source_does_not_know_stays(database: Database, tmp_path: Path) -> None:
    source = MovieLens(folder(tmp_path / "ml"))
    load(database, source)
    write(
        database,
        "UPDATE movies SET overview = 'Toys.', actors = '{Tom Hanks}',"
        " embedding = array_fill(0.1::real, ARRAY[384])::vector WHERE movie_id = 1",
    )
    folder(tmp_path / "ml", movies=FILMS.replace("Animation", "Animation|Comedy"))
    assert load(database, MovieLens(tmp_path / "ml")).changed == 1
    assert rows(
        database,
        "SELECT genres, overview, actors, embedding IS NOT NULL FROM movies WHERE movie_id = 1",
    ) == [(["Animation", "Comedy"], "Toys.", ["Tom Hanks"], True)]


def test_a_newer_rating_given_here_stays(database: Database, tmp_path: Path) -> None:
    source = MovieLens(folder(tmp_path / "ml"))
    load(database, source)
    write(database, "UPDATE ratings SET rating = 1, rated_at = now() WHERE user_id = 7")
    assert load(database, source, again=True).changed == 0
    assert rows(database, "SELECT rating FROM ratings WHERE user_id = 7") == [(1.0,)]


def test_profiles_follow_a_load(sample_copy: Database) -> None:
    user = "SELECT embedding_sum::text, weight_sum, rating_count FROM users WHERE user_id = 1"
    before = rows(sample_copy, user)
    write(sample_copy, "DELETE FROM ratings WHERE user_id = 1")
    assert rows(sample_copy, user) != before
    with sample() as source:
        assert load(sample_copy, source, again=True).changed == before[0][2]
    assert rows(sample_copy, user) == before


# One source a database


def test_another_source_is_refused(database: Database, tmp_path: Path) -> None:
    load(database, MovieLens(folder(tmp_path / "ml")))
    before = contents(database)
    with pytest.raises(ConflictError, match=r"holds ml \(2 films, 3 ratings\)"):
        load(database, MovieLens(folder(tmp_path / "other", ratings=RATINGS + "9,1,3,7\n")))
    assert contents(database) == before


def test_other_films_under_the_same_name_and_ids_are_refused(
    database: Database, tmp_path: Path
) -> None:
    load(database, MovieLens(folder(tmp_path / "ml")))
    before = contents(database)
    (tmp_path / "elsewhere").mkdir()
    other = folder(
        tmp_path / "elsewhere" / "ml",
        movies="movieId,title,genres\n1,Alien (1979),Horror\n2,Brazil (1985),Drama\n",
    )
    with pytest.raises(ConflictError, match="1 is 'Toy Story' here and 'Alien' there"):
        load(database, MovieLens(other))
    assert contents(database) == before
    load(database, MovieLens(other), replace=True)


def test_replace_removes_everything_else(database: Database, tmp_path: Path) -> None:
    load(database, MovieLens(folder(tmp_path / "ml")))
    write(database, "INSERT INTO users (user_id, synthetic) VALUES (10001, true)")
    write(database, "INSERT INTO ratings (user_id, movie_id, rating) VALUES (10001, 2, 5)")
    other = folder(
        tmp_path / "other",
        movies="movieId,title,genres\n1,Alien (1979),Horror\n",
        ratings="userId,movieId,rating,timestamp\n3,1,3,5\n",
        tags="userId,movieId,tag,timestamp\n",
    )
    load(database, MovieLens(other), replace=True)
    assert rows(database, "SELECT title FROM movies") == [("Alien",)]
    assert rows(database, "SELECT user_id, rating_count FROM users") == [(3, 1)]
    assert rows(database, "SELECT user_id FROM ratings") == [(3,)]
    assert rows(database, "SELECT count(*) FROM tags") == [(0,)]
    assert rows(database, "SELECT name FROM sources") == [("other",)]


def test_a_failing_replace_changes_nothing(database: Database, tmp_path: Path) -> None:
    load(database, MovieLens(folder(tmp_path / "ml")))
    before = contents(database)
    with pytest.raises(LoadError, match="film 9 is unknown"):
        load(
            database,
            MovieLens(folder(tmp_path / "other", ratings=RATINGS + "1,9,4,1\n")),
            replace=True,
        )
    assert contents(database) == before


def test_ratings_of_tasters_are_kept_apart(database: Database, tmp_path: Path) -> None:
    write(database, "INSERT INTO users (user_id, synthetic) VALUES (7, true)")
    with pytest.raises(LoadError, match=r"ratings.csv, line 4, column user_id: .*synthetic"):
        load(database, MovieLens(folder(tmp_path / "ml")))


def test_ratings_alone_for_films_that_are_there(database: Database, tmp_path: Path) -> None:
    films, scores = tmp_path / "films.csv", tmp_path / "scores.csv"
    films.write_text("movie_id,title,year\n5,Heat,1995\n")
    scores.write_text("user_id,movie_id,rating\n1,5,4\n")
    load(database, Table("shop", movies=films))
    load(database, Table("shop", ratings=scores))
    assert rows(database, "SELECT user_id, movie_id FROM ratings") == [(1, 5)]
    assert rows(database, "SELECT movies, ratings FROM sources") == [(1, 1)]


# What is wrong

LATER = 4102444800  # the year 2100; the same in every process that names the tests


@pytest.mark.parametrize(
    ("file", "line", "place", "reason"),
    [
        ("movies", "2,Heat again (1995),Crime", "line 4, column movie_id", "already on line 3"),
        ("movies", "3,,Crime", "line 4, column title", "is empty"),
        ("movies", "3,A\x00B,Crime", "line 4, column title", "holds a NUL character"),
        (
            "ratings",
            "1,1,7,1",
            "line 5, column rating",
            "7 is the highest: --scale 0-10 may be meant",
        ),
        ("ratings", "1,1,0,1", "line 5, column rating", "0 is not on the scale"),
        ("ratings", "1,1,-1,1", "line 5, column rating", "-1 is not on the scale"),
        ("ratings", "1,1,NaN,1", "line 5, column rating", "'NaN' is not a number"),
        ("ratings", "2,99,4,1", "line 5, column movie_id", "film 99 is unknown"),
        ("ratings", f"2,1,4,{LATER}", "line 5, column rated_at", "in the future"),
        ("ratings", "2,1,4,soon", "line 5, column timestamp", "'soon' is neither"),
        ("tags", "1,99,fun,1", "line 4, column movie_id", "film 99 is unknown"),
        ("tags", f"1,1,{'fun' * 201},1", "line 4, column tag", "is longer than 600 characters"),
        ("tags", "1,1,fun,soon", "line 4, column timestamp", "'soon' is neither"),
        ("tags", f"1,1,fun,{LATER}", "line 4, column tagged_at", "in the future"),
    ],
)
def test_a_bad_line_stops_or_is_set_aside(
    database: Database, tmp_path: Path, file: str, line: str, place: str, reason: str
) -> None:
    texts = {"movies": FILMS, "ratings": RATINGS, "tags": TAGS}
    source = MovieLens(folder(tmp_path / "ml", **{file: f"{texts[file]}{line}\n"}))
    with pytest.raises(RejectedLineError) as stopped:
        load(database, source)
    message = str(stopped.value)
    assert message.startswith(f"{file}.csv, {place}: ")
    assert reason in message
    assert "the tables are as they were" in message
    assert rows(database, "SELECT count(*) FROM movies") == [(0,)]

    rejects = tmp_path / "rejects.csv"
    report = load(database, source, on_error="skip", rejects=rejects)
    assert (report.movies, report.ratings, report.tags, report.rejected) == (2, 3, 2, 1)
    with rejects.open(newline="") as written:
        (found,) = csv.DictReader(written)
    assert (found["file"], place) == (
        f"{file}.csv",
        f"line {found['line']}, column {found['column']}",
    )
    assert reason in found["reason"]
    assert load(database, source, on_error="skip", rejects=rejects).changed == 0


def test_ratings_of_a_rejected_film_are_rejected_too(database: Database, tmp_path: Path) -> None:
    source = MovieLens(folder(tmp_path / "ml", movies=FILMS.replace("Toy Story (1995)", " ")))
    report = load(database, source, on_error="skip", rejects=tmp_path / "rejects.csv")
    assert (report.movies, report.ratings, report.tags, report.rejected) == (1, 1, 0, 5)
    assert (report.refused[0]) == (
        "movies.csv: column title: 1 line refused (first: line 2: is empty)."
    )


def test_a_role_that_may_not_load(database: Database, tmp_path: Path) -> None:
    reading = f"{database.psql_url}&options=-crole%3Dpalate_read"
    with (
        Database(reading, database.settings) as reader,
        pytest.raises(LoadError, match=r"may not load \(permission denied"),
    ):
        load(reader, MovieLens(folder(tmp_path / "ml")))


def test_a_value_that_the_database_refuses(database: Database) -> None:
    """A source that checks nothing."""
    with pytest.raises(LoadError, match="refused what it was given"):
        load(database, Generated(10, title="a\x00b"))
    assert rows(database, "SELECT count(*) FROM movies") == [(0,)]


def test_a_source_without_anything_to_load(database: Database, tmp_path: Path) -> None:
    source = MovieLens(
        folder(
            tmp_path / "ml",
            movies=FILMS.splitlines()[0] + "\n",
            ratings=RATINGS.splitlines()[0] + "\n",
            tags=TAGS.splitlines()[0] + "\n",
        )
    )
    with pytest.raises(LoadError, match="nothing that can be loaded"):
        load(database, source, replace=True)


def test_rejects_that_cannot_be_written(database: Database, tmp_path: Path) -> None:
    source = MovieLens(folder(tmp_path / "ml", ratings=RATINGS + "x,1,1,1\n"))
    with pytest.raises(LoadError, match="cannot be written"):
        load(database, source, on_error="skip", rejects=tmp_path / "absent" / "rejects.csv")
    assert rows(database, "SELECT count(*) FROM movies") == [(0,)]


# Large, interrupted, at once


@dataclass
class Generated(Source):
    """Many ratings that exist only while they are read; ``wrong`` is the line of a bad one."""

    count: int
    wrong: int | None = None
    pause: threading.Event | None = None
    name: str = "generated"
    location: str = "memory"
    ratings_size: int | None = None
    films: int = 1000
    title: str = "Film"

    def movies(self) -> Iterator[Movie | Rejected]:
        for film in range(self.films):
            yield Movie(film + 1, film, f"{self.title} {film}")

    def ratings(self) -> Iterator[RatingBlock]:
        for start in range(0, self.count, 10_000):
            lines = [self._line(number) for number in range(start, min(start + 10_000, self.count))]
            yield RatingBlock("".join(lines).encode(), len(lines), [(0, start + 1)])
        if self.pause is not None:
            self.pause.wait(300)

    def _line(self, number: int) -> str:
        rating = 9 if number + 1 == self.wrong else number % 10 / 2 + 0.5
        return f"{number // 200},{number % 200 * 5},{rating},{number}\n"

    def tags(self) -> Iterator[Tag | Rejected]:
        return iter(())


@dataclass
class OneFieldEach(Generated):
    """A film for every field of Movie: it has that field alone, and the value of a version."""

    version: int = 0

    def movies(self) -> Iterator[Movie | Rejected]:
        for number, fact in enumerate(self.each_fact(), 1):
            yield Movie(number, number, "Film")._replace(**fact)

    def each_fact(self) -> list[dict[str, Any]]:
        values: dict[Any, tuple[Any, Any]] = {
            str: ("one", "two"),
            str | None: ("one", "two"),
            int | None: (1990, 1991),
            date | None: (date(1990, 1, 1), date(1991, 1, 1)),
            tuple[str, ...]: (("one",), ("one", "two")),
            Mapping[str, object] | None: ({"one": 1}, {"one": 2}),
        }
        kinds = list(get_type_hints(Movie).items())[2:]
        return [{name: values[kind][self.version]} for name, kind in kinds]


@pytest.mark.parametrize("version", [0, 1])
def test_every_field_of_a_film_is_written_and_changed(database: Database, version: int) -> None:
    for loaded in range(version + 1):
        load(database, OneFieldEach(0, version=loaded))
    with database.read() as connection:
        found = connection.execute(text("SELECT * FROM movies ORDER BY movie_id")).mappings().all()
    wanted = OneFieldEach(0, version=version).each_fact()
    lost = [
        name
        for row, fact in zip(found, wanted, strict=True)
        for name, value in fact.items()
        if name not in row or row[name] != (list(value) if isinstance(value, tuple) else value)
    ]
    assert lost == []
    assert [
        name for fact in wanted for name in fact if name not in contract.Movie.model_fields
    ] == []


def test_a_failure_at_the_last_line_leaves_the_tables(database: Database) -> None:
    load(database, Generated(2_000))
    before = contents(database)
    with pytest.raises(RejectedLineError, match="ratings, line 99999, column rating: 9 is not"):
        load(database, Generated(100_000, wrong=99_999))
    assert contents(database) == before


def test_memory_stays_flat(database: Database, tmp_path: Path) -> None:
    films = generate(tmp_path / "ml", 100_000)
    load(database, Generated(1_000), replace=True)
    with PeakMemory() as memory:
        report = load(database, MovieLens(tmp_path / "ml"), replace=True)
    assert (report.movies, report.ratings) == (films, 100_000)
    assert memory.peak - memory.before < 30e6


LOADER = """
import sys
from pathlib import Path
from ingest.load import load
from ingest.progress import LoadProgress
from ingest.sources.movielens import MovieLens
from palate.settings import Settings
from sql.database import Database

class Steps(LoadProgress):
    def step(self, name, total=None):
        if name == sys.argv[3]:
            print(name, flush=True)
            sys.stdin.read()  # until it is killed

with Database(sys.argv[1], Settings(_env_file=None)) as database:
    load(database, MovieLens(Path(sys.argv[2])), progress=Steps())
"""


@pytest.mark.parametrize("step", ["Reading ratings", "Checking", "Writing ratings", "Writing tags"])
def test_a_killed_load_leaves_the_tables(database: Database, tmp_path: Path, step: str) -> None:
    generate(tmp_path / "ml", 30_000)
    load(database, _small(tmp_path))
    before = contents(database)
    process = subprocess.Popen(
        [sys.executable, "-c", LOADER, database.psql_url, str(tmp_path / "ml"), step],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == f"{step}\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    until_nobody_loads(database)
    assert contents(database) == before
    load(database, MovieLens(tmp_path / "ml"))
    assert rows(database, "SELECT count(*) FROM ratings") == [(30_000,)]


def _small(tmp_path: Path) -> MovieLens:
    """A few lines of the source that is loaded afterwards, under the same name."""
    place = tmp_path / "small" / "ml"
    place.parent.mkdir()
    generated = tmp_path / "ml"
    few = "\n".join((generated / "ratings.csv").read_text().splitlines()[:100]) + "\n"
    place.mkdir()
    (place / "ratings.csv").write_text(few)
    (place / "movies.csv").write_text((generated / "movies.csv").read_text())
    return MovieLens(place)


def until_nobody_loads(database: Database) -> None:
    """The server notices a killed client when it next talks to it."""
    query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    while rows(database, query) != [(0,)]:
        time.sleep(0.05)


class Listener(LoadProgress):
    """Remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.waiting = threading.Event()

    def say(self, message: str) -> None:
        self.said.append(message)
        self.waiting.set()


def test_of_two_loads_one_waits_and_says_so(database: Database) -> None:
    go_on, listener = threading.Event(), Listener()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(load, database, Generated(20_000, pause=go_on))
        while not rows(database, "SELECT FROM pg_locks WHERE locktype = 'advisory'"):
            time.sleep(0.01)
        second = pool.submit(load, database, Generated(20_000), progress=listener)
        assert listener.waiting.wait(120)
        with pytest.raises(ConflictError, match="Another load is running"):
            load(database, Generated(10), wait=False)
        go_on.set()
        assert (first.result().changed, second.result().changed) == (21_000, 0)
    assert "waiting" in listener.said[0]


def test_live_ratings_and_loads_do_not_deadlock(database: Database) -> None:
    load(database, Generated(20_000))
    over = threading.Event()

    def rate(seed: int) -> int:
        written = 0
        while not over.is_set():
            number = written * 7919 + seed
            write(
                database,
                "INSERT INTO ratings (user_id, movie_id, rating, rated_at)"
                " VALUES (:user, :film, :rating, :at)"
                " ON CONFLICT (user_id, profile, movie_id) DO UPDATE"
                " SET rating = excluded.rating, rated_at = excluded.rated_at",
                user=number % 100,
                film=number % 1000,
                rating=number % 10 / 2 + 0.5,
                at=datetime(2001, 1, 1, tzinfo=UTC),
            )
            written += 1
        return written

    with ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(rate, seed) for seed in range(3)]
        for count, replace in ((20_000, False), (40_000, True), (20_000, False), (20_000, True)):
            load(database, Generated(count), replace=replace)
        over.set()
        assert all(writer.result() > 0 for writer in writers)
    assert rows(
        database,
        "SELECT count(*) FROM users u WHERE rating_count <>"
        " (SELECT count(*) FROM ratings r WHERE r.user_id = u.user_id)",
    ) == [(0,)]


def test_the_planner_thinks_of_many_users_after_few(database: Database, tmp_path: Path) -> None:
    """Else it takes all ratings for one user's, and a large load reads them all for each user."""
    films, stars = tmp_path / "films.csv", tmp_path / "stars.csv"
    films.write_text("movie_id,title\n" + "".join(f"{i},Film {i}\n" for i in range(200)))
    stars.write_text("user_id,movie_id,rating\n" + "".join(f"1,{i},3\n" for i in range(200)))
    load(database, Table("small", movies=films, ratings=stars))
    distinct = "SELECT n_distinct FROM pg_stats WHERE tablename = 'ratings' AND attname = 'user_id'"
    with database.read() as connection:
        assert connection.exec_driver_sql(distinct).scalar_one() == pytest.approx(-0.01)
