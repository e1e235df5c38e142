"""A structure in words, part by part: what was understood, to be read, dropped or changed."""

import re
from collections.abc import Iterable, Iterator

from pydantic import Field

from ask.compare import format_dollars
from ask.structure import STEPS, Exclusions, Kind, Quantity, RatedBy, Span, Structure, Than
from palate.contract import UNKNOWN_USER, Frozen
from palate.person import called

_INTENTS = {
    "search": "films", "recommend": "recommended films", "similar": "similar films",
    "predict": "a prediction", "compare": "a comparison", "facts": "facts about films",
    "count": "how many films", "unclear": "nothing",
}  # fmt: skip
_WITH_TITLES = {
    "similar": "films like", "predict": "a prediction for", "compare": "a comparison of",
    "facts": "facts about",
}  # fmt: skip
_FIGURES = {
    "year": ("year", ("newer", "older"), ("newest", "oldest")),
    "runtime_minutes": ("minutes", ("longer", "shorter"), ("longest", "shortest")),
    "avg_rating": ("stars", ("better rated", "worse rated"), ("best rated", "worst rated")),
    "rating_count": ("ratings", ("more rated", "less rated"), ("most rated", "least rated")),
    "budget": ("budget", ("more expensive", "cheaper"), ("most expensive", "cheapest")),
    "revenue": ("revenue", ("more successful", "less successful"),
                ("highest grossing", "lowest grossing")),
    "profit": ("profit", ("more profitable", "less profitable"),
               ("most profitable", "least profitable")),
}  # fmt: skip
"""How a figure is called, what has more and less of it, and what has most and least."""
_SAME: dict[str, str] = {
    "year": "of the same year as", "runtime_minutes": "as long as", "decade": "of the decade of",
    "director": "directed by the director of", "actor": "with the first actor of",
}  # fmt: skip
_NAMED: dict[str | None, str] = {
    "known": "widely known", "unknown": "little known", "high": "among the best rated",
    "low": "among the worst rated",
}  # fmt: skip
ROLES = {"any": "by or with", "director": "directed by", "actor": "with"}


class Part(Frozen):
    """One thing that was understood."""

    part: str = Field(description="Where it stands in the structure: `genres`, `exclude.people`.")
    says: str = Field(description="In words.")
    entry: int | None = Field(None, description="Which entry of a list; null: all of the part.")


def describe_structure(structure: Structure) -> str:
    """One line: ``films · Thriller · dark · year 1990 to 1999 · not Tom Hanks · for user 5``."""
    return " · ".join((describe_intent(structure), *(part.says for part in parts_of(structure))))


def describe_intent(structure: Structure) -> str:
    """What kind of answer is wanted, and of which films."""
    intent = structure.intent
    if intent == "summarise":
        return f"the taste of user {describe_user(structure.user_id)}"
    about = ", ".join(map(str, structure.titles))
    if structure.like_people:
        people = ", ".join(person.name for person in structure.like_people)
        about = f"{about}, those of {people}" if about else f"those of {people}"
    if intent == "search" and about:
        return f"films titled {about}"
    words = f"{_WITH_TITLES[intent]} {about}" if about and intent in _WITH_TITLES else ""
    if intent == "facts":
        return f"{words or _INTENTS[intent]}: {', '.join(structure.facts) or 'all'}"
    return words or _INTENTS[intent]


def parts_of(structure: Structure) -> Iterator[Part]:
    """Every condition, the order and whose taste it is; each may be dropped by `without_part`."""
    if structure.intent in ("summarise", "unclear"):
        return
    if structure.sort is not None:
        order = _FIGURES[structure.sort.by][2][not structure.sort.descending]
        yield Part(part="sort", says=f"{order} first")
    yield from _parts_of_kind(structure)
    if structure.alternatives:
        kinds = [", ".join(part.says for part in _parts_of_kind(k)) for k in structure.alternatives]
        yield Part(part="alternatives", says=f"either {' – or '.join(kinds)}")
    rated = [f"rated by {_rater(one)}" for one in structure.rated_by]
    than = [f"{_held(one)} {one.film or 'that'}" for one in structure.than]
    yield from _entries(structure, [("rated_by", rated), ("than", than)])
    yield from (Part(part=part, says=says) for part, says in _whole_parts(structure) if says)
    yield from _entries(structure, _excluded(structure.exclude))
    if structure.seen == "drop":
        yield Part(part="seen", says="not rated yet")
    if "k" in structure.model_fields_set:
        yield Part(part="k", says=f"at most {structure.k}")
    if structure.user_id is not None:
        profile = "" if structure.profile == "main" else f" ({structure.profile})"
        users = ", ".join(map(describe_user, (structure.user_id, *structure.users)))
        yield Part(part="user_id", says=f"for user {users}{profile}")


def describe_user(user_id: int | None) -> str:
    """A user as whoever asked called them."""
    return "who is not known" if user_id == UNKNOWN_USER else called(user_id)


def _parts_of_kind(kind: Kind) -> Iterator[Part]:
    """What films are."""
    if kind.text:
        yield Part(part="text", says=f"about {_any_word(kind)}")
    yield from _entries(kind, _lists(kind))
    yield from (Part(part=part, says=says) for part, says in _kind_parts(kind) if says)


def _any_word(kind: Kind) -> str:
    """The words looked for, with or between them where one is enough."""
    pieces = re.findall(r'"[^"]*"|\S+', kind.text)
    return " or ".join(pieces) if "text" in kind.any_of else kind.text


def _entries(kind: Kind, lists: Iterable[tuple[str, list[str]]]) -> Iterator[Part]:
    for part, listed in lists:
        if part in kind.any_of and len(listed) > 1:
            yield Part(part=part, says=_or(listed))
        else:
            yield from (Part(part=part, says=says, entry=n) for n, says in enumerate(listed))


def _kind_parts(kind: Kind) -> Iterator[tuple[str, str]]:
    yield "audience", f"for {kind.audience}" if kind.audience else ""
    yield "budget", _tiers("budget", kind.budget)
    yield "revenue", _tiers("revenue", kind.revenue)
    yield "fame", _NAMED.get(kind.fame, "")
    yield "acclaim", _NAMED.get(kind.acclaim, "")
    for name, span in kind.ranges.items():
        yield f"ranges.{name}", describe_range(name, span)


def _whole_parts(structure: Structure) -> Iterator[tuple[str, str]]:
    exclude = structure.exclude
    yield "exclude.text", f"not about {exclude.text}" if exclude.text else ""
    yield "exclude.audience", f"not for {exclude.audience}" if exclude.audience else ""
    for name, span in exclude.ranges.items():
        yield f"exclude.ranges.{name}", f"not {describe_range(name, span)}"


def _lists(kind: Kind) -> Iterator[tuple[str, list[str]]]:
    yield "genres", list(kind.genres)
    yield "moods", list(kind.moods)
    yield "keywords", [f"keyword {keyword}" for keyword in kind.keywords]
    yield "people", [f"{ROLES[person.role]} {person.name}" for person in kind.people]


def _excluded(exclude: Exclusions) -> Iterator[tuple[str, list[str]]]:
    for name, listed in (
        ("genres", exclude.genres),
        ("moods", exclude.moods),
        ("keywords", [f"keyword {keyword}" for keyword in exclude.keywords]),
        ("people", exclude.people),
        ("titles", exclude.titles),
        ("rated_by", [f"rated by {_rater(one)}" for one in exclude.rated_by]),
    ):
        yield f"exclude.{name}", [f"not {each}" for each in listed]


def _or(listed: list[str]) -> str:
    """``directed by A or B``: what all of them begin with is said once."""
    first, *others = listed
    shared = next((f"{w} " for w in (*ROLES.values(), "keyword") if first.startswith(f"{w} ")), "")
    return " or ".join((first, *(each.removeprefix(shared) for each in others)))


def _rater(rated: RatedBy) -> str:
    who = "whoever asks" if rated.user_id is None else f"user {called(rated.user_id)}"
    if rated.low is not None and rated.low == rated.high:
        return f"{who} with {rated.low:g}"
    low = "" if rated.low is None else f" from {rated.low:g}"
    return f"{who}{low}" if rated.high is None else f"{who}{low} to {rated.high:g}"


def _held(than: Than) -> str:
    if than.way == "same":
        return _SAME.get(than.by) or f"with the {_FIGURES[than.by][0]} of"
    return f"{_FIGURES[than.by][1][than.way == 'less']} than"


def _tiers(name: str, tiers: Iterable[str]) -> str:
    listed = " or ".join(tier.replace("_", " ") for tier in tiers)
    return f"{name} {listed}" if listed else ""


def describe_range(name: Quantity, span: Span) -> str:
    """A range in words: of money and stars “above” and “below” where the bound is a step off."""
    money = name in ("budget", "revenue", "profit")

    def shown(value: float) -> str:
        return format_dollars(value) if money else f"{value:g}"

    words, step = _FIGURES[name][0], STEPS.get(name, 1)
    rough = 1_000 if money else 0.1 if name == "avg_rating" else 0

    def beside(bound: float | None, way: int) -> str | None:
        """The round number that a bound is one step above or below of."""
        if bound is None or not rough:
            return None
        near = round((bound + way * step) / rough) * rough
        return shown(near) if abs(near - bound - way * step) < step / 10 else None

    low, high = beside(span.low, -1), beside(span.high, 1)
    above = f"above {low}" if low else f"{shown(span.low or 0)} or more"
    below = f"below {high}" if high else f"up to {shown(span.high or 0)}"
    if span.high is None:
        return f"{words} {above}"
    if span.low is None:
        return f"{words} {below}"
    if span.low == span.high:
        return f"{words} {shown(span.low)}"
    if low or high:
        return f"{words} {above if low else f'from {shown(span.low)}'} {below}"
    return f"{words} {shown(span.low)} to {shown(span.high)}"


def without_part(structure: Structure, part: str, entry: int | None = None) -> Structure:
    """The structure without one of its parts, as `parts_of` names them."""
    outer, _, inner = part.partition(".")
    if outer == "exclude":
        exclude = structure.exclude.model_copy(update=_dropped(structure.exclude, inner, entry))
        return structure.changed(exclude=exclude)
    return structure.changed(**_dropped(structure, part, entry))


def _dropped(holder: Structure | Exclusions, part: str, entry: int | None) -> dict[str, object]:
    name, _, inner = part.partition(".")
    value = getattr(holder, name)
    if inner:
        return {name: {key: each for key, each in value.items() if key != inner}}
    if entry is not None:
        return {name: (*value[:entry], *value[entry + 1 :])}
    return {name: type(holder).model_fields[name].get_default(call_default_factory=True)}
