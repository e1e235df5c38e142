"""Atomic statements, and the sentences that are made of a choice among them.

A statement is true and says it itself. Whoever chooses, a language model or our own rule, gives
numbers of statements, their order, how they are joined, and a tone: nothing else. The words are all
ours, and a join that would claim more than the statements do is not made, so every sentence that
comes out is true.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, Field, create_model

from palate.items import as_items

LIKED = 3.5
"""The least rating that is liking; 2.5 and less is disliking."""
DISLIKED = 2.5

Polarity = Literal["for", "against", "neither"]
Source = Literal[
    "your ratings", "your taste", "text", "level", "score", "order", "crowd", "catalog",
    "prediction",
]  # fmt: skip
Join = Literal["start", "and", "while", "but", "because"]
Tone = Literal["plain", "friendly", "brief"]

MOST_FACTS = 8
"""What one text says at most."""
_IN_SENTENCE = 3
_OPENINGS: Mapping[Tone, str] = {"plain": "", "friendly": "good to know: ", "brief": ""}


@dataclass(frozen=True, slots=True)
class Fact:
    """A true statement: ``says`` and ``value`` are its words, one after the other.

    ``polarity``: whether it speaks for its ``subject``, a film, a trait or a prediction. A fact
    with ``effect`` is what others, which ``explain`` it, may be given as the cause of.
    """

    subject: str
    says: str
    value: str
    source: Source
    polarity: Polarity = "neither"
    effect: bool = False
    explains: bool = False

    def __str__(self) -> str:
        return f"{self.head} {self.value}".strip()

    @property
    def head(self) -> str:
        """What it says, of a film by the catalog's word."""
        return self.says.replace("this film", as_items("this film"))


class Part(BaseModel):
    """One fact that is said, and how it is joined to the one before."""

    fact: int
    join: Join


class Choice(BaseModel):
    """What a language model answers: which facts to say, in which order, and how."""

    parts: list[Part]
    tone: Tone


@cache
def choice_among(n: int) -> type[Choice]:
    """A choice whose form names the numbers of ``n`` facts; others are read, and left out."""
    numbers = Field(json_schema_extra={"enum": list(range(1, n + 1))})
    part: Any = create_model("Part", __base__=Part, fact=(int, numbers))
    parts = Field(json_schema_extra={"minItems": 1, "maxItems": MOST_FACTS})
    return create_model("Choice", __base__=Choice, parts=(list[part], parts))


Sentence = list[tuple[Join, Fact]]


def arrange(choice: Choice, facts: Sequence[Fact], most: int = MOST_FACTS) -> list[Sentence]:
    """The facts chosen, each once, by sentences; numbers that no fact has are left out."""
    sentences: list[Sentence] = []
    said: set[int] = set()
    for part in choice.parts:
        if not 1 <= part.fact <= len(facts) or part.fact in said or len(said) == most:
            continue
        said.add(part.fact)
        fact = facts[part.fact - 1]
        if sentences and _may_join(sentences[-1], part.join, fact):
            sentences[-1].append((part.join, fact))
        else:
            sentences.append([("start", fact)])
    return sentences


def _may_join(sentence: Sentence, join: Join, fact: Fact) -> bool:
    """Whether the sentence still claims no more than its facts with one more so joined."""
    last = sentence[-1][1]
    before = {each for each, _ in sentence}
    if join == "start" or len(sentence) == _IN_SENTENCE:
        return False
    if join == "because":
        return len(sentence) == 1 and causes(fact, last)
    if "because" in before:
        return join == "and" and causes(fact, sentence[0][1])
    if join != "and" and before & {"while", "but"}:
        return False
    if join == "but":
        return {fact.polarity, last.polarity} == {"for", "against"}
    return join == "and" or fact.subject != last.subject


def causes(cause: Fact, effect: Fact) -> bool:
    """Whether one fact may be given as the cause of another."""
    return effect.effect and cause.explains and cause.polarity == effect.polarity


def write(choice: Choice, facts: Sequence[Fact], most: int = MOST_FACTS) -> str:
    """The text of a choice: whole sentences. Raises ValueError where it chooses no fact."""
    clauses = [say(sentence) for sentence in arrange(choice, facts, most)]
    if not clauses:
        raise ValueError(f"parts has no fact from 1 to {len(facts)}")
    clauses[0] = _OPENINGS[choice.tone] + clauses[0]
    if choice.tone == "brief":
        clauses = ["; ".join(clauses)]
    return " ".join(_finished(clause) for clause in clauses)


def say(sentence: Sentence) -> str:
    """A sentence without its capital and its point, as reasons are listed."""
    text = ""
    for join, run in _runs(sentence):
        text += ("" if join == "start" else f" {join} ") + _listed(run)
    return text


def joined(facts: Iterable[Fact]) -> Sentence:
    """Facts as one sentence, by "and" alone."""
    return [("and" if n else "start", fact) for n, fact in enumerate(facts)]


def write_all(sentences: Iterable[Sequence[Fact]]) -> tuple[str, ...]:
    """Whole sentences, each of facts that are joined by "and"; none of nothing."""
    return tuple(_finished(say(joined(facts))) for facts in sentences if facts)


def side_of(rating: float) -> Polarity:
    """Whether so many stars speak for a film."""
    return "for" if rating >= LIKED else "against" if rating <= DISLIKED else "neither"


def _finished(clause: str) -> str:
    """A clause as a sentence. Its first word is ours, and a point may be there already."""
    end = "" if clause.endswith((".", "!", "?")) else "."
    return f"{clause[:1].upper()}{clause[1:]}{end}"


def _runs(sentence: Sentence) -> Iterator[tuple[Join, list[Fact]]]:
    """What is joined by "and" together, and how it is joined to what is before."""
    run: list[Fact] = []
    first: Join = "start"
    for join, fact in sentence:
        if join != "and" and run:
            yield first, run
            run = []
        if not run:
            first = join
        run.append(fact)
    yield first, run


def _listed(run: Sequence[Fact]) -> str:
    """Facts in one clause; what several begin with is said once."""
    heads = list(dict.fromkeys(fact.head for fact in run))
    values = [[fact.value for fact in run if fact.head == head] for head in heads]
    clauses = [f"{h} {_and(v)}".strip() for h, v in zip(heads, values, strict=True)]
    if len(clauses) < 3 and all(len(each) == 1 for each in values):
        return _and(clauses)
    return ", and ".join(filter(None, (", ".join(clauses[:-1]), clauses[-1])))


def _and(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
