"""A user who is known by a name is called by it at the command line."""

from pathlib import Path

import pytest
from sqlalchemy import text

from palate.settings import Settings
from serve.cli.main import main
from sql.database import Database
from tests.integration.serve.apis import client_of, load_films


@pytest.mark.parametrize(
    "command",
    [
        "search lord --user {}", "recommend --user {}", "preferences {}", "predict {} Willow",
        "user event undo {} nothing", "user event list {}",
    ],
)  # fmt: skip
def test_messages_call_a_user_by_the_name_that_was_typed(
    database: Database, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    load_films(database)
    with database.begin() as connection:
        number = connection.exec_driver_sql("SELECT name_user('ann')").scalar_one()
    main(["--database-url", database.psql_url, *command.format("ann").split()])
    said = "".join(capsys.readouterr())
    assert "ser ann" in said
    assert str(number) not in said


@pytest.mark.parametrize("name", ["007", "Ann Lee", "0"])
def test_a_user_is_who_was_written_at_every_face(
    films: Database, settings: Settings, tmp_path: Path, name: str
) -> None:
    """007 is not 7, which would be another; 0 is a number."""
    client = client_of(films, settings)
    liked = {"type": "liked", "movie_id": 1, "event_id": "by-http"}
    assert client.post(f"/v1/users/{name}/events", json=liked).json()["accepted"] == 1
    assert main(["--database-url", films.psql_url, "user", "rate", name, "5", "4"]) == 0
    file = tmp_path / "events.csv"
    file.write_text(f"user_id,type,movie_id,event_id\n{name},watched,6,by-file\n")
    assert main(["--database-url", films.psql_url, "ingest", "events", str(file)]) == 0
    answer = f"search.blend.abcdefgh{len(name)}"
    line = {"answer_id": answer, "movie_id": 1, "kind": "click", "user_id": name}
    assert client.post("/v1/feedback", json={"feedback": [line]}).json()["accepted"] == 1
    widget = {"eventType": "click", "queryID": answer, "objectIDs": ["6"], "userToken": name}
    assert (
        client.post("/v1/instantsearch/events", json={"events": [widget]}).json()["accepted"] == 1
    )
    with films.read() as connection:
        number = connection.execute(text("SELECT user_named(:name)"), {"name": name}).scalar_one()
    held = client.get(f"/v1/users/{name}/export").json()
    assert held["user_id"] == number
    assert (number == 0) == (name == "0")
    tables = {table: len(rows) for table, rows in held["tables"].items()}
    assert (tables["events"], tables["ratings"], tables["feedback"]) == (2, 1, 2)
    assert client.get("/v1/users/7").status_code == 404


@pytest.mark.parametrize("name", ["+7", "7.0", " 7", "a/b", "Ann "])
def test_what_is_no_user_is_refused_at_every_face(
    films: Database, settings: Settings, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    client = client_of(films, settings)
    answer = client.get("/v1/recommend", params={"user_id": name})
    assert answer.status_code == 422
    assert "a user is a whole number" in answer.json()["detail"]
    assert main(["--database-url", films.psql_url, "user", "show", "--", name]) == 2
    assert "A user is a whole number" in "".join(capsys.readouterr())
