"""A source that keeps coming: each new file once, whatever happens in between."""

import http.server
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from ingest import follow
from ingest.follow import FollowOptions, following, take_new
from ingest.mapping import Mapping, Part
from palate.errors import ConflictError, MissingFileError
from sql.database import Database

FILMS = "movie_id,title,year\n1,Heat,1995\n2,Ran,1985\n"


@pytest.fixture
def incoming(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose files count at once as written to their end."""
    monkeypatch.setattr(follow, "SETTLED", 0)
    folder = tmp_path / "incoming"
    folder.mkdir()
    return folder


def take(database: Database, place: Path | str, **options: object) -> list[tuple[str, str]]:
    found = take_new(database, str(place), FollowOptions(**options))  # type: ignore[arg-type]
    return [(one.file, one.outcome) for one in found]


def ratings(database: Database) -> list[tuple[int, int, float]]:
    with database.read() as connection:
        query = "SELECT user_id, movie_id, rating FROM ratings ORDER BY 1, 2"
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def test_each_file_is_taken_once_films_first(database: Database, incoming: Path) -> None:
    (incoming / "a-stars.csv").write_text("user_id,movie_id,rating,rated_at\n1,1,4,1588334400\n")
    (incoming / "films.csv").write_text(FILMS)
    (incoming / "half.csv.part").write_text("movie_id,title\n3,Cut")
    assert take(database, incoming) == [("films.csv", "loaded"), ("a-stars.csv", "loaded")]
    assert take(database, incoming) == []
    (incoming / "day2.csv").write_text("user_id,movie_id,rating,rated_at\n1,1,2,1588420800\n")
    (incoming / "copy.csv").write_text(FILMS)
    assert dict(take(database, incoming)) == {"copy.csv": "known", "day2.csv": "loaded"}
    assert ratings(database) == [(1, 1, 2.0)]


def test_what_is_refused_is_said_once_and_tried_again(database: Database, incoming: Path) -> None:
    (incoming / "films.csv").write_text(FILMS)
    (incoming / "stars.csv").write_text("user_id,movie_id,rating\n1,3,4\n")
    (incoming / "notes.txt").write_text("shopping\n")
    first = {one.file: one for one in take_new(database, str(incoming))}
    assert {name: one.outcome for name, one in first.items()} == {
        "films.csv": "loaded", "stars.csv": "refused", "notes.txt": "refused",
    }  # fmt: skip
    assert "stars.csv, line 2, column movie_id: film 3 is unknown" in str(first["stars.csv"].reason)
    assert take(database, incoming) == []
    (incoming / "more.csv").write_text("movie_id,title,year\n3,Up,2009\n")
    assert dict(take(database, incoming)) == {
        "notes.txt": "refused", "more.csv": "loaded", "stars.csv": "loaded",
    }  # fmt: skip
    assert ratings(database) == [(1, 3, 4.0)]


def test_who_is_killed_before_it_is_remembered_takes_it_again(
    database: Database, incoming: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (incoming / "films.csv").write_text(FILMS)
    with monkeypatch.context() as patch:
        patch.setattr(follow._Taking, "_remember", lambda *_: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            take(database, incoming)
    assert take(database, incoming) == [("films.csv", "known")]
    with (
        following(database),
        pytest.raises(ConflictError, match="Another process follows"),
        following(database),
    ):
        pass


def test_a_mapping_says_how_files_of_a_pattern_are_read(database: Database, incoming: Path) -> None:
    (incoming / "films.csv").write_text(FILMS)
    (incoming / "scores-0101.csv").write_text("who,what,points\n7,1,10\n")
    columns = {"user_id": "who", "movie_id": "what", "rating": "points"}
    part = Part(file="scores-*.csv", holds="ratings", columns=columns, scale="1-10")
    taken = take(database, incoming, mapping=Mapping(parts=[part]))
    assert taken == [("films.csv", "loaded"), ("scores-0101.csv", "loaded")]
    assert ratings(database) == [(7, 1, 5.0)]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    handler = partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_page_of_links_and_a_file_on_the_web(database: Database, incoming: Path) -> None:
    (incoming / "films.csv").write_text(FILMS)
    stars = incoming / "stars.csv"
    stars.write_text("user_id,movie_id,rating\n1,1,4\n")
    with served(incoming) as url:
        assert take(database, f"{url}/") == [
            (f"{url}/films.csv", "loaded"), (f"{url}/stars.csv", "loaded"),
        ]  # fmt: skip
        assert take(database, f"{url}/") == []
        stars.write_text("user_id,movie_id,rating\n1,2,3\n")
        later = time.time() + 5
        os.utime(stars, (later, later))
        assert take(database, f"{url}/stars.csv") == [(f"{url}/stars.csv", "loaded")]
    assert ratings(database) == [(1, 1, 4.0), (1, 2, 3.0)]


def test_a_place_that_is_not_there_is_named(database: Database, tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"no folder .*nowhere to follow"):
        take(database, tmp_path / "nowhere")
