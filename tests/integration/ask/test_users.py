"""Users in requests whom their own system calls by a text; names that nobody has."""

import json

import pytest

from ask.answer import Asker
from palate.person import CALLED
from palate.settings import Settings
from rerank.people import find_taste, name_user
from rerank.search import Searcher
from serve.cli.main import main
from sql.database import Database
from tests.integration.serve.apis import client_of


@pytest.fixture
def asker(films: Database) -> Asker:
    CALLED.set(None)
    return Asker(films, Searcher(films))


@pytest.mark.parametrize(
    ("text", "intent", "seen"),
    [
        ("what would ana like", "recommend", "keep"),
        ("what does ana like?", "summarise", "keep"),
        ("would ana like Willow", "predict", "keep"),
        ("films for ana that she hasn't seen", "search", "drop"),
        ("recommend something to user ana", "recommend", "keep"),
        ("what are ana's favourites?", "summarise", "keep"),
    ],
)
def test_a_user_is_called_by_name(
    films: Database, asker: Asker, text: str, intent: str, seen: str
) -> None:
    ana = name_user(films, "ana")
    read = asker.read(text).structure
    assert (read.intent, read.user_id, read.seen) == (intent, ana, seen)
    assert asker.ask(text.replace("ana", "Ann Lee")).structure.user_id is None, "nobody's name"


def test_what_a_user_rated_and_who_is_called_by_several_words(
    films: Database, asker: Asker
) -> None:
    ann = name_user(films, "Ann Lee")
    [rated] = asker.read("movies Ann Lee rated 4 or more").structure.rated_by
    assert (rated.user_id, rated.low) == (ann, 4)
    understood = asker.ask("what would Ann Lee like").understood
    assert [part.says for part in understood] == ["for user Ann Lee"]


def test_words_of_one_user_name_no_other(films: Database, asker: Asker) -> None:
    ana, bob = name_user(films, "ana"), name_user(films, "bob")
    find_taste(films, "ana")
    assert asker.read("what would ana like", ana).structure.intent == "recommend"
    assert asker.read("what would bob like", ana).structure.intent == "unclear"
    assert asker.read("films for ana", bob).structure.text == "ana"


def test_a_name_that_nobody_has_is_no_number_at_any_face(
    films: Database, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    client = client_of(films, settings)
    unknown = client.get("/v1/ask", params={"q": "would i like Willow", "user_id": "nobody"})
    assert unknown.status_code == 404
    assert "The user is unknown" in unknown.text
    for words in ("westerns", "films like Willow", "longest films", "Willow for user 5"):
        answer = client.get("/v1/ask", params={"q": words, "user_id": "nobody"})
        assert str(2**63 - 1) not in answer.text
        assert answer.json()["structure"]["user_id"] is None
        capsys.readouterr()
        main(["--database-url", films.psql_url, "ask", words, "--user", "nobody", "--json"])
        assert json.loads(capsys.readouterr().out)["structure"]["user_id"] is None
    said = client.post("/v1/chat", json={"message": "westerns", "user_id": "nobody"})
    assert said.status_code == 200
    assert str(2**63 - 1) not in said.text


@pytest.mark.parametrize("text", ["films by spielberg", "movies of the 1990s", "films for kids"])
def test_a_user_called_as_what_films_are_about_is_not_meant(
    sample_copy: Database, text: str
) -> None:
    asker = Asker(sample_copy, Searcher(sample_copy))
    before = asker.read(text).structure
    for name in ("spielberg", "1990s", "kids"):
        name_user(sample_copy, name)
    assert asker.read(text).structure == before
