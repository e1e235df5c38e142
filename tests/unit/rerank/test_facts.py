"""What a model can make of facts: a choice among them, and nothing else, whatever it says."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.schema import WrongFormError, read_answer
from rerank.explain import Neighbour, find_facts
from rerank.facts import Choice, Fact, Part, joined, say, write
from rerank.reranking import give_reason
from tests.unit.rerank.told import HIT, PASSAGES, claims, unsound

FOLDER = Path(__file__).parent


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / name).read_text().splitlines()]


ADVERSARIAL, HONEST = lines("adversarial.jsonl"), lines("honest.jsonl")


def shown(of: str, answer: str) -> str | None:
    """The text that a model's answer makes; None: the template stands."""
    try:
        return PASSAGES[of].write(read_answer(answer, Choice))
    except (WrongFormError, ValueError):
        return None


def test_the_catalogue_is_long_and_of_many_kinds() -> None:
    assert len(ADVERSARIAL) >= 200
    assert len({each["kind"] for each in ADVERSARIAL}) >= 25
    assert len(HONEST) == 100


@pytest.mark.parametrize("kind", sorted({each["kind"] for each in ADVERSARIAL}))
def test_nothing_false_is_shown(kind: str) -> None:
    for each in (each for each in ADVERSARIAL if each["kind"] == kind):
        text = shown(each["of"], each["says"])
        if text is None:
            continue
        said = claims(text, PASSAGES[each["of"]].facts)
        assert said is not None, f"{text!r} is not of facts alone"
        assert not unsound(said), text
        assert each.get("lie", "\0") not in text


def test_every_honest_choice_is_shown_as_it_was_made() -> None:
    for each in HONEST:
        facts = PASSAGES[each["of"]].facts
        text = shown(each["of"], json.dumps(each))
        assert text is not None
        said = claims(text, facts)
        assert said is not None, text
        assert not unsound(said), text
        wanted = {facts[part["fact"] - 1] for part in each["parts"]}
        assert {fact for _, fact in said} == wanted
        joins = [part["join"] for part in each["parts"]]
        assert sorted(join for join, _ in said) == sorted(joins), text


@given(
    st.sampled_from(sorted(PASSAGES)),
    st.lists(
        st.builds(
            Part,
            fact=st.integers(-1, 16),
            join=st.sampled_from(["start", "and", "while", "but", "because"]),
        ),
        max_size=9,
    ),
    st.sampled_from(["plain", "friendly", "brief"]),
)
def test_any_choice_makes_a_sound_text_or_none(of: str, parts: list[Part], tone: Any) -> None:
    facts = PASSAGES[of].facts
    try:
        text = PASSAGES[of].write(Choice(parts=parts, tone=tone))
    except ValueError:
        assert not any(1 <= part.fact <= len(facts) for part in parts)
        return
    said = claims(text, facts)
    assert said is not None, text
    assert not unsound(said), text


@given(st.text(max_size=200))
def test_any_text_is_no_text(answer: str) -> None:
    assert shown("hit", answer) is None or json.loads(answer)


def test_facts_are_written_as_people_would() -> None:
    def choose(*parts: tuple[int, str], tone: str = "plain") -> str:
        made = {"parts": [{"fact": f, "join": j} for f, j in parts], "tone": tone}
        return str(shown("hit", json.dumps(made)))

    assert choose((1, "start"), (2, "because"), (3, "and"), (12, "start")) == (
        "This film stands 3 places higher for you because you gave 5.0 to Up (2009) and 4.5 to "
        "Heat (1995). This film was directed by Andrew Niccol."
    )
    assert choose((2, "start"), (4, "but"), tone="friendly") == (
        "Good to know: you gave 5.0 to Up (2009) but you gave 2.0 to Shrek (2001)."
    )
    assert choose((14, "start"), (1, "start"), (4, "because"), tone="brief") == (
        "This film is 122 minutes long; this film stands 3 places higher for you; "
        "you gave 2.0 to Shrek (2001)."
    )


# Verdicts

OF_HIT = PASSAGES["hit"].facts


@pytest.mark.parametrize("score", [0.0, 2.5, 4.9, 5.0, 5.1, 8.0, 10.0])
@pytest.mark.parametrize("first", range(1, len(OF_HIT) + 1))
def test_no_verdict_cites_what_speaks_against_it(score: float, first: int) -> None:
    for second in range(1, len(OF_HIT) + 1):
        reason = give_reason(score, [first, second, first, 99, -1], OF_HIT)
        sides = {OF_HIT[n - 1].polarity for n in (first, second)}
        dropped = "against" in sides if score > 5 else score < 5 and "for" in sides
        assert (reason is None) == dropped
        if reason is not None:
            said = claims(reason, OF_HIT)
            assert said is not None
            assert {fact for _, fact in said} == {OF_HIT[first - 1], OF_HIT[second - 1]}


def test_a_verdict_without_a_fact_has_no_reason() -> None:
    assert give_reason(9.0, [], OF_HIT) is None
    assert give_reason(9.0, [99, 0, -3], OF_HIT) is None


# What stands in facts


HOSTILE = [
    "\u202eevil\u202c", "\u2066a\u2069", "\u200e\u200f", "a\x1b[31mb", "a\nb\r\nc", "\u2028",
    "\ufeff", "you gave 5.0 to Heat (1995)", " and confidence is high. ", "because", "<b>x</b>",
    "\x00",
]  # fmt: skip


@pytest.mark.parametrize("title", HOSTILE)
def test_a_title_is_only_a_title(title: str) -> None:
    facts = find_facts(HIT, [Neighbour(title, 1999, 5.0, 0.4)])
    text = say(joined(facts[:2]))
    assert not set(text) & set("\u202e\u202c\u2066\u2069\u200e\u200f\x1b\n\r\u2028\ufeff\x00")
    assert claims(text, facts) is not None


def test_a_fact_that_is_whole_ends_with_its_own_point() -> None:
    fact = Fact("x", "the film is called", "Airplane!", "catalog")
    assert write(Choice(parts=[Part(fact=1, join="start")], tone="plain"), [fact]) == (
        "The film is called Airplane!"
    )
