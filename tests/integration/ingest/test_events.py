"""Files of events: whatever their form, the same history."""

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from ingest.events import EventsReport, load_events
from ingest.rejects import RejectedLineError
from palate.errors import LoadError, MisuseError
from sql.database import Database
from tests.integration.serve.apis import load_films

EVENTS = [
    {"user_id": "ann", "type": "watched", "movie_id": 1, "happened_at": "2024-01-31T20:15:00Z"},
    {"user_id": "ann", "type": "rated", "movie_id": 2, "rating": 4.5, "happened_at": 1706000000},
    {"user_id": "7", "type": "muted", "genre": "Crime", "happened_at": 1706000001},
    {"user_id": "bob", "type": "liked", "movie_id": 3, "event_id": "b-1", "source": "import"},
]


@pytest.fixture
def films(database: Database) -> Database:
    load_films(database)
    return database


def write(path: Path, events: list[dict[str, object]]) -> Path:
    """The events in the form that the file's name says."""
    fields = list(dict.fromkeys(name for event in events for name in event))
    if path.suffix == ".parquet":
        rows = [{k: None if v is None else str(v) for k, v in event.items()} for event in events]
        pl.DataFrame(rows, schema=dict.fromkeys(fields, pl.String)).write_parquet(path)
    elif path.suffix == ".csv":
        lines = [",".join(str(event.get(name, "")) for name in fields) for event in events]
        path.write_text("\n".join([",".join(fields), *lines, ""]))
    else:
        text = "".join(json.dumps(event) + "\n" for event in events)
        path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def history(database: Database) -> list[tuple[object, ...]]:
    with database.read() as connection:
        found = connection.exec_driver_sql(
            "SELECT coalesce(n.name, e.user_id::text), e.type, e.movie_id, e.genre, e.rating "
            "FROM events e LEFT JOIN user_names n USING (user_id) ORDER BY e.type"
        )
        return [tuple(row) for row in found]


@pytest.mark.parametrize("name", ["e.csv", "e.jsonl", "e.jsonl.gz", "e.parquet"])
def test_a_file_is_loaded_once_whatever_its_form(
    films: Database, tmp_path: Path, name: str
) -> None:
    file = write(tmp_path / name, EVENTS)
    report = load_events(films, file)
    assert (report.accepted, report.known, report.rejected) == (4, 0, 0)
    assert history(films) == [
        ("bob", "liked", 3, None, None),
        ("7", "muted", None, "Crime", None),
        ("ann", "rated", 2, None, 4.5),
        ("ann", "watched", 1, None, None),
    ]
    again = load_events(films, file)
    assert (again.accepted, again.known) == (0, 4)
    with films.read() as connection:
        told = connection.exec_driver_sql(
            "SELECT n.name, u.rating_count, u.event_count FROM users u JOIN user_names n "
            "USING (user_id) WHERE u.embedding IS NOT NULL ORDER BY 1"
        )
        assert [tuple(row) for row in told] == [("ann", 1, 1), ("bob", 0, 1)]


def test_an_id_of_another_event_is_set_aside(films: Database, tmp_path: Path) -> None:
    event = {"user_id": "ann", "type": "liked", "movie_id": 1, "event_id": "a"}
    lines = [event, event | {"movie_id": 2}, event, event | {"user_id": "bob", "movie_id": 2}]
    file, aside = write(tmp_path / "e.jsonl", lines), tmp_path / "aside.csv"
    for accepted, known in ((2, 1), (0, 3)):
        report = load_events(films, file, on_error="skip", rejects=aside)
        assert (report.accepted, report.known, report.rejected) == (accepted, known, 1)
        assert "another event has the id 'a'" in aside.read_text()
    write(file, [event | {"type": "disliked"}, event | {"event_id": "b"}])
    with pytest.raises(RejectedLineError, match=r"line 1.*another event has the id 'a'"):
        load_events(films, file)


def test_ratings_of_named_users_are_a_file_of_events(films: Database, tmp_path: Path) -> None:
    file = tmp_path / "stars.csv"
    file.write_text("customer,movieId,rating,timestamp\nc-1,1,4,1706000000\nc-2,1,2,1706000000\n")
    report = load_events(films, file, type="rated", columns={"user_id": "customer"})
    assert report.accepted == 2
    with films.read() as connection:
        found = connection.exec_driver_sql(
            "SELECT rating FROM ratings WHERE user_id > 99 ORDER BY 1"
        )
        assert list(found.scalars()) == [2, 4]


WRONG = [
    ({"user_id": "a  b", "type": "liked", "movie_id": 1}, "nobody can be called 'a  b'"),
    ({"user_id": "a\ud800b", "type": "liked", "movie_id": 1}, "holds half a character"),
    ({"user_id": "ann", "type": "liked", "movie_id": "one"}, "film one is unknown"),
    ({"user_id": "ann", "type": "liked", "movie_id": 4711}, "film 4711 is unknown"),
    ({"user_id": "ann", "type": "eaten", "movie_id": 1}, "there is no type 'eaten'"),
    (
        {"user_id": "ann", "type": "rated", "movie_id": 1},
        "`rated` needs a rating, and nothing else has one",
    ),
    ({"user_id": "ann", "type": "liked", "movie_id": 1, "profile": "A"}, "is not made of"),
    ({"user_id": "ann", "type": "liked", "movie_id": 1, "event_id": "a b"}, "has a space"),
]


@pytest.mark.parametrize(("event", "reason"), WRONG)
def test_a_wrong_line_stops_all_or_is_set_aside(
    films: Database, tmp_path: Path, event: dict[str, object], reason: str
) -> None:
    file = write(tmp_path / "e.jsonl", [*EVENTS, event])
    with pytest.raises(RejectedLineError, match=r"e.jsonl, line 5.*Nothing was loaded") as stopped:
        load_events(films, file)
    assert reason in str(stopped.value)
    assert history(films) == []
    aside = tmp_path / "aside.csv"
    report = load_events(films, file, on_error="skip", rejects=aside)
    assert (report.accepted, report.rejected) == (4, 1)
    assert reason in aside.read_text()


def test_what_is_no_file_of_events_says_so(films: Database, tmp_path: Path) -> None:
    (tmp_path / "no.csv").write_text("user_id,movie_id\n1,1\n")
    with pytest.raises(LoadError, match=r"no column type.*--type"):
        load_events(films, tmp_path / "no.csv")
    (tmp_path / "no.jsonl").write_text("[1]\n")
    with pytest.raises(LoadError, match="no JSON object"):
        load_events(films, tmp_path / "no.jsonl")
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(LoadError, match="is empty"):
        load_events(films, tmp_path / "empty.jsonl")
    with pytest.raises(MisuseError, match="no column stars to map"):
        load_events(films, tmp_path / "no.csv", columns={"stars": "x"})
    assert isinstance(load_events(films, write(tmp_path / "e.csv", EVENTS)), EventsReport)
