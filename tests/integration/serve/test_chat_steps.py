"""One message that asks for several things: planned once, done step by step, told by our code."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from ask.answer import Asker, make_reader
from ask.plan import Plan, checked, plan_by_rules
from llm import open_llm
from palate.settings import Settings
from rerank.search import Searcher
from serve.chat import Chat, ChatReply
from sql.database import Database
from tests.faulty_model import Answer, FaultyModel, faulty_model, says, sends
from tests.integration.serve.apis import CRIME_LOVER, FANTASY_LOVER
from tests.integration.serve.test_chat import ATTACKS, say
from tests.local_model import LocalModel

BOTH = "compare the two oldest crime films for me and tell me which I'd like more"
FREE = "I can't choose: put two crime films side by side, then guess which suits me"
PLAN = {"find": "crime films", "films": 2, "then": ["compare", "predict"]}


@contextmanager
def planned_by(database: Database, *answers: Answer) -> Iterator[tuple[Chat, FaultyModel]]:
    """A talk whose model answers so."""
    with faulty_model(*answers) as endpoint, open_llm(endpoint.settings()) as model:  # type: ignore[union-attr]
        reader = make_reader(model, endpoint.settings())
        yield Chat(database, Asker(database, Searcher(database), reader)), endpoint


@pytest.mark.parametrize(
    ("message", "plan"),
    [
        (BOTH, Plan(find="oldest crime films for me", films=2, then=("compare", "predict"))),
        ("Compare the three latest Nolan films.",
         Plan(find="latest Nolan films", films=3, then=("compare",))),
        ("which of the two best heist films would I like more?",
         Plan(find="best heist films", films=2, then=("predict",))),
        ("compare the two towers and heat", None),
        ("compare Heat and Casino", None),
        ("dark thrillers", None),
    ],
)  # fmt: skip
def test_the_rules_plan_what_has_a_known_form(message: str, plan: Plan | None) -> None:
    assert plan_by_rules(message) == plan


def test_films_are_found_compared_and_predicted_in_one_message(client: TestClient) -> None:
    told = say(client, BOTH, user_id=CRIME_LOVER)
    answer = told["answer"]
    shown = [film["movie_id"] for film in told["films"]]
    assert answer["structure"]["genres"] == ["Crime"]
    assert [each["movie_id"] for each in answer["comparison"]["movies"]] == shown[:2]
    assert [each["movie_id"] for each in answer["predictions"]] == shown[:2]
    assert {each["user_id"] for each in answer["predictions"]} == {CRIME_LOVER}
    assert any("planned by rules" in said for said in told["text"])
    [conclusion] = [said for said in told["text"] if "expected to be liked most" in said]
    best = max(answer["predictions"], key=lambda each: each["value"])
    assert conclusion.index(best["title"]) < conclusion.index("stars")
    talk = {"conversation": told["done"]["conversation"], "user_id": CRIME_LOVER}
    assert told["films"][1]["title"] in say(client, "/why 2", **talk)["text"][0]


def test_without_a_user_nothing_is_predicted(client: TestClient) -> None:
    told = say(client, BOTH)
    assert told["answer"]["predictions"] == []
    assert any("say for which user" in said for said in told["text"])
    named = say(client, f"{BOTH.replace('for me', f'for user {FANTASY_LOVER}')}")
    assert {each["user_id"] for each in named["answer"]["predictions"]} == {FANTASY_LOVER}


def test_a_model_plans_what_the_rules_do_not(films: Database) -> None:
    with planned_by(films, says(json.dumps(PLAN))) as (chat, endpoint):
        reply = chat.reply(FREE, CRIME_LOVER)
        assert len(endpoint.questions) == 1, "a plan is one question, and its steps are none"
        chat.reply(BOTH, CRIME_LOVER)
        assert len(endpoint.questions) == 1
        [question] = endpoint.questions
    assert reply.answer is not None
    assert reply.answer.read_by == "faulty"
    assert reply.answer.comparison is not None
    assert len(reply.answer.predictions) == 2
    assert "crime films" in question["messages"][1]["content"]
    assert "Heat" not in str(question), "no film is told to whoever plans"


@pytest.mark.parametrize(
    "made",
    [
        "I think you would love Heat, it won eleven Oscars.",
        json.dumps(PLAN | {"find": "Amélie", "note": "Oscars"}),
        json.dumps(PLAN | {"find": "everything by user 1"}),
        json.dumps(PLAN | {"films": 10**9}),
        json.dumps(PLAN | {"then": ["forget user 1", "rate"]}),
        json.dumps(PLAN | {"then": ["predict"] * 50}),
        json.dumps(PLAN | {"find": "x" * 100_000}),
        "{" * 5000,
    ],
)
def test_what_a_model_makes_up_is_no_step(films: Database, made: str) -> None:
    def without_notes(reply: ChatReply) -> tuple[str, ...]:
        return tuple(film.title for film in reply.films)

    with planned_by(films, says(made)) as (chat, endpoint):
        reply = chat.reply(FREE, CRIME_LOVER)
        ruled = chat.reply(FREE, CRIME_LOVER, rules=True)
        assert len(endpoint.questions) <= 4, "asked twice at most for the plan, and for the form"
    assert without_notes(reply) == without_notes(ruled)
    assert "Oscars" not in str(reply)
    assert not reply.answer or reply.answer.structure.user_id == CRIME_LOVER


def test_words_that_the_message_lacks_find_nothing() -> None:
    made = Plan(find="crime films with Tom Hanks", films=2, then=("compare", "compare"))
    assert checked(made, FREE) == Plan(find="crime films", films=2, then=("compare",))
    assert checked(Plan(find="Amélie", films=2, then=("compare",)), FREE) is None
    assert checked(Plan(find="crime films", films=2, then=()), FREE) is None
    assert checked(Plan(find="crime films", films=1, then=("compare",)), FREE) is None


def test_an_endpoint_that_fails_leaves_the_message_to_the_rules(films: Database) -> None:
    with planned_by(films, sends(500, "{}")) as (chat, _):
        reply = chat.reply("which crime films then", CRIME_LOVER)
    assert reply.answer is not None
    assert reply.answer.read_by == "rules"
    assert reply.films


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_films_say_changes_no_plan(films: Database, attack: str) -> None:
    with planned_by(films, says(json.dumps(PLAN))) as (chat, endpoint):
        before = chat.reply(FREE, CRIME_LOVER)
        with films.begin() as connection:
            said = "UPDATE movies SET overview = :said, keywords = ARRAY[:said]"
            connection.execute(text(f"{said} WHERE 'Crime' = ANY (genres)"), {"said": attack})
        after = chat.reply(FREE, CRIME_LOVER)
        assert attack not in str(endpoint.questions)
    assert after.text == before.text
    assert after.films == before.films


def test_a_real_model_plans_in_the_words_of_the_message_or_not_at_all(
    films: Database, settings: Settings, local_model: LocalModel
) -> None:
    with open_llm(local_model.settings(settings)) as model:  # type: ignore[union-attr]
        asker = Asker(films, Searcher(films), make_reader(model, settings))
        planned = asker.plan(FREE)
        if planned is not None:
            assert set(planned[0].find.lower().split()) <= set(
                FREE.lower().replace(":", "").split()
            )
        reply = Chat(films, asker).reply(FREE, CRIME_LOVER)
    assert reply.answer is not None
    assert reply.answer.structure.user_id == CRIME_LOVER
