"""A user who is known by a name is called by it at the command line."""

import pytest

from serve.cli.main import main
from sql.database import Database
from tests.integration.serve.apis import load_films


@pytest.mark.parametrize("command", ["search lord --user", "recommend --user", "preferences"])
def test_messages_call_a_user_by_the_name_that_was_typed(
    database: Database, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    load_films(database)
    with database.begin() as connection:
        number = connection.exec_driver_sql("SELECT name_user('ann')").scalar_one()
    main(["--database-url", database.psql_url, *command.split(), "ann"])
    said = "".join(capsys.readouterr())
    assert "ser ann" in said
    assert str(number) not in said
