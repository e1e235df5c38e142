"""Facts as they are found, for four kinds of text, and what a text made of them claims."""

import re
from collections.abc import Iterator, Sequence

from ask import compare, prediction, preferences
from ask.compare import ComparedMovie, Comparison
from ask.prediction import Basis, Prediction
from ask.preferences import Preferences, Trait
from palate.contract import Hit
from rerank.explain import Neighbour, find_facts, give_reasons
from rerank.facts import Fact, Join
from rerank.wording import Passage

HIT = Hit(
    rank=2, movie_id=1, title="Lord of War", original_title=None, year=2005,
    genres=("Crime", "Drama"), director="Andrew Niccol", overview="An arms dealer.",
    runtime_minutes=122, poster_url=None, avg_rating=3.7, rating_count=41, score=0.82,
    level="all words", bm25_score=6.5,
    components={"bm25": 0.9, "semantic": None, "content": 0.8, "collaborative": None,
                "popularity": 0.4},
    contributions={"bm25": 0.42, "semantic": 0.0, "content": 0.3, "collaborative": 0.0,
                   "popularity": 0.1},
    unpersonalized_rank=5, moved=3, seen=False, rating=None,
)  # fmt: skip
NEAR = [
    Neighbour("Up", 2009, 5.0, 0.4), Neighbour("Heat", 1995, 4.5, 0.3),
    Neighbour("Shrek", 2001, 2.0, 0.3), Neighbour("Airplane!", 1980, 1.0, 0.2),
]  # fmt: skip
LEARNED = {"how near it is to what you like": 0.31, "its year": -0.12}

PREDICTION = Prediction(
    user_id=5, profile="main", movie_id=7, title="Shrek", year=2001, value=3.6, low=1.5, high=4.5,
    level=0.8, calibrated=True, confidence="low", within_half_star=0.41, expected=3.4, ratings=20,
    neighbours=2, distance=0.4, model="biased-mf 1", why=None, rated=None, summary=(),
    rests_on=(
        Basis(movie_id=1, title="Up", year=2009, rating=5.0, influence=0.3, similarity=0.7),
        Basis(movie_id=2, title="Heat", year=1995, rating=1.5, influence=-0.2, similarity=0.6),
    ),
)  # fmt: skip


def _film(movie_id: int, title: str, **figures: float) -> ComparedMovie:
    known = dict.fromkeys(ComparedMovie.model_fields) | {"genres": ("Drama",), "rating_count": 9}
    return ComparedMovie.model_validate(known | {"movie_id": movie_id, "title": title} | figures)


FILMS = (
    _film(1, "Jaws", year=1975, avg_rating=4.05, rating_count=63, runtime_minutes=124,
          budget=7_000_000, revenue=470_653_000, return_ratio=67.24),
    _film(2, "Alien", year=1979, avg_rating=4.1, rating_count=58, runtime_minutes=117,
          budget=11_000_000, revenue=104_931_801, return_ratio=9.54),
    _film(3, "Brazil", year=1985, avg_rating=3.9, runtime_minutes=132, budget=15_000_000),
)  # fmt: skip
_BEST = tuple(best for lead in compare._LEADS if (best := compare._best(lead, FILMS)))
COMPARISON = Comparison(movies=FILMS, best=_BEST, statistics=(), missing={}, summary=())


def _trait(name: str, shrunken: float) -> Trait:
    return Trait(name=name, n=12, mean=3.5, crowd=3.5, shrunken=shrunken)


PREFERENCES = Preferences(
    user_id=5, profile="main", n=60, mean=3.7, crowd=3.6, level=0.1, distribution={"4.0": 60},
    genres=(_trait("Drama", 0.6), _trait("Western", 0.4), _trait("Sci-Fi", -0.5)),
    decades=(_trait("1970s", 0.3),), directors=(_trait("Tim Burton", -0.4),),
    actors=(_trait("Tom Hanks", 0.3),), budgets=(), sentiments=(), audiences=(),
    effectiveness=None, summary=(),
)  # fmt: skip

_OF_HIT = find_facts(HIT, NEAR, LEARNED)
PASSAGES = {
    "hit": Passage(1, "reason", "Lord of War", _OF_HIT, give_reasons(_OF_HIT)),
} | {
    name: Passage(0, "summary", name, tuple(facts), ("By rules.",))
    for name, facts in (
        ("prediction", [fact for said in prediction.describe(PREDICTION) for fact in said]),
        ("comparison", compare.describe(COMPARISON)),
        ("preferences", [fact for said in preferences.describe(PREFERENCES) for fact in said]),
    )
}
"""What is worded, by kind."""

_JOINS: dict[str, Join] = {
    ", and ": "and", ", ": "and", " and ": "and",
    " while ": "while", " but ": "but", " because ": "because", ". ": "start", "; ": "start",
}  # fmt: skip


def claims(text: str, facts: Sequence[Fact]) -> list[tuple[Join, Fact]] | None:
    """The facts that a text says, and how they are joined; None where it says anything else.

    A reader of its own: it knows no more of how texts are written than what may stand in them.
    """
    body = re.sub(r"^Good to know: ", "", text).removesuffix(".")
    return next(_read(body, "start", facts, None), None)


def _read(
    text: str, join: Join, facts: Sequence[Fact], before: Fact | None
) -> Iterator[list[tuple[Join, Fact]]]:
    """Every way to read a text that goes on with a fact."""
    for fact in facts:
        forms = [str(fact), str(fact)[:1].upper() + str(fact)[1:]]
        if before is not None and before.says == fact.says and fact.value:
            forms.append(fact.value)
        for form in forms:
            if not text.startswith(form):
                continue
            rest = text[len(form) :]
            if not rest:
                yield [(join, fact)]
            for mark, following in _JOINS.items():
                if rest.startswith(mark):
                    for more in _read(rest[len(mark) :], following, facts, fact):
                        yield [(join, fact), *more]


def unsound(said: Sequence[tuple[Join, Fact]]) -> str:
    """What the joins of a text claim beyond its facts; empty where nothing."""
    effect: Fact | None = None
    for n, (join, fact) in enumerate(said):
        last = said[n - 1][1]
        if join == "start":
            effect = None
        if join == "because":
            effect = last
            if n > 1 and said[n - 1][0] != "start":
                return "more than one fact stands before because"
        if join in ("because", "and") and effect is not None:
            if not (effect.effect and fact.explains and fact.polarity == effect.polarity):
                return f"{fact} is not why {effect}"
        elif effect is not None:
            return "a cause goes on with something else"
        if join == "but" and {last.polarity, fact.polarity} != {"for", "against"}:
            return f"{fact} is no contrast to {last}"
        if join == "while" and last.subject == fact.subject:
            return f"{fact} is about the same as {last}"
    return "a fact is said twice" if len({id(f) for _, f in said}) < len(said) else ""
