"""Words of a request that nothing in its structure answers to are said, whoever read it."""

import pytest

from ask.conversation import Turn, read_next
from ask.guard import find_doubts
from ask.rules import Reading, doubt, read_request
from ask.structure import Exclusions, Person, Span, Structure, Title
from search.names import Names, read_names
from sql.database import Database

EIGHTIES = {"year": Span(low=1980, high=1989)}


def doubts(text: str, **parts: object) -> list[str]:
    return [words for words, _ in find_doubts(text, Structure.model_validate(parts), "", "")]


@pytest.mark.parametrize(
    ("text", "parts", "said"),
    [
        ("comedies or westerns", {"genres": ("Comedy", "Western")}, ["or"]),
        ("comedies, not from the 80s", {"genres": ("Comedy",), "ranges": EIGHTIES}, ["not"]),
        ("horror for kids", {"genres": ("Horror",)}, ["for kids"]),
        ("horror from the 80s", {"genres": ("Horror",)}, ["the 80s"]),
        ("horror with 3 ghosts", {"genres": ("Horror",)}, ["3"]),
        ("something by Spielberg", {}, ["Spielberg"]),
        ("which genre is best", {}, ["which genre"]),
        ("the longest and the newest film", {"sort": {"by": "year"}}, ["newest"]),
        ("how many westerns", {"genres": ("Western",)}, ["how many"]),
        ("the best film of each decade", {"sort": {"by": "avg_rating"}}, ["of each decade"]),
    ],
)
def test_a_word_that_left_no_trace_is_said(
    text: str, parts: dict[str, object], said: list[str]
) -> None:
    assert doubts(text, **parts) == said


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("comedies or westerns", {"genres": ("Comedy", "Western"), "any_of": ("genres",)}),
        ("80s or later, not too long", {"ranges": {"year": {"low": 1980}}}),
        ("not from the 80s", {"exclude": {"ranges": EIGHTIES}}),
        ("no more than 5 westerns", {"genres": ("Western",), "k": 5}),
        ("films like No Country for Old Men", {
            "intent": "similar", "titles": (Title(title="No Country for Old Men"),)}),
        ("anything but Spielberg", {"exclude": {"people": (Person(name="Steven Spielberg"),)}}),
    ],
)  # fmt: skip
def test_what_is_accounted_for_is_not(text: str, parts: dict[str, object]) -> None:
    assert doubts(text, **parts) == []


def test_what_is_asked_for_and_left_out_is_said() -> None:
    both = {"genres": ("Comedy",), "exclude": Exclusions(genres=("Comedy",))}
    assert doubts("a comedy that is no comedy", **both) == ["not Comedy"]


def test_it_is_not_sure_then() -> None:
    """Also of what a language model read."""
    read = Reading(Structure(genres=("Comedy", "Western")), read_by="a model")
    assert read.sure == "high"
    assert doubt("comedies or westerns", read).sure == "low"


@pytest.fixture(scope="module")
def names(sample_database: Database) -> Names:
    with sample_database.read() as connection:
        return read_names(connection)


def test_what_was_asked_before_and_counts_no_more_is_said(names: Names) -> None:
    before = Turn(structure=read_request("westerns", names).structure)
    lost = read_next("is any by Steven Spielberg?", names, before)
    assert lost.structure.genres == () or lost.structure.intent == "facts"
    assert lost.sure == "low"
    assert read_next("by Steven Spielberg", names, before).sure == "high"
    assert read_next("comedies from the 80s", names, before).sure == "high"
