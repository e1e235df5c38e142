"""A structure with what is said next set upon it: conditions are added, or set anew."""

from collections.abc import Set
from typing import Any

from ask.draft import join_spans
from ask.structure import LONGEST_LIST, Exclusions, Kind, Listed, Structure
from ask.words import any_case

_INSTEAD = any_case(r"""\b(instead|rather|what about|how about|i meant|actually)\b|^(no,|nope|sorry
    |(the )?same,? but\b)""")
_LISTS = ("genres", "moods", "keywords", "people", "rated_by", "than")
_SINGLE = (
    "sort", "audience", "fame", "acclaim", "budget", "revenue", "k", "user_id", "profile", "seen",
    "any_of", "alternatives",
)  # fmt: skip


def merge(before: Structure, new: Structure, text: str) -> Structure:
    """``new`` set upon ``before``: lists grow, or are set anew by “instead”; numbers change."""
    instead = _INSTEAD.search(text) is not None
    said = new.model_dump(exclude_defaults=True).keys() | (new.model_fields_set & {"k"})
    changed: dict[str, Any] = {name: getattr(new, name) for name in _SINGLE if name in said}
    for name in _LISTS:
        if name in said:
            kept = () if instead else getattr(before, name)
            changed[name] = tuple(dict.fromkeys((*kept, *getattr(new, name))))[:LONGEST_LIST]
    if "ranges" in said:
        changed["ranges"] = before.ranges | new.ranges
    if any_case(r"or\b").match(text.strip()) is not None:
        changed |= _either(before, new, said & Kind.model_fields.keys())
    if instead and {"genres", "ranges", "people"} & said and "alternatives" not in said:
        changed["alternatives"] = ()
    if "text" in said and "alternatives" not in changed:
        changed["text"] = new.text if instead else f"{before.text} {new.text}".strip()
    changed["exclude"] = _both(before.exclude, new.exclude)
    for name in ("genres", "moods", "keywords", "people"):
        gone = {*map(str, getattr(new.exclude, name))}
        kept = changed.get(name, getattr(before, name))
        changed[name] = tuple(one for one in kept if str(one) not in gone)
    return before.changed(**changed)


def _either(before: Structure, new: Structure, said: Set[str]) -> dict[str, Any]:
    """What is asked where one of both is enough: a list, a wider range, or kinds of films."""
    lists: tuple[Listed, ...] = ("genres", "keywords", "people")
    if len(said) == 1 and (listed := [name for name in lists if name in said]):
        return {"any_of": tuple({*before.any_of, *listed})}
    if said == {"ranges"} and new.ranges.keys() <= before.ranges.keys() and len(new.ranges) == 1:
        [(quantity, span)] = new.ranges.items()
        spans = join_spans(quantity, [before.ranges[quantity], span])
        kept = {name: each for name, each in before.ranges.items() if name != quantity}
        if len(spans) < 2:
            return {"ranges": kept | dict.fromkeys((quantity,) if spans else (), *spans)}
        return {"ranges": kept, "alternatives": tuple(Kind(ranges={quantity: s}) for s in spans)}
    if not said:
        return {}
    fields = Kind.model_fields
    one, other = (Kind(**{name: getattr(each, name) for name in fields}) for each in (before, new))
    none = {name: field.get_default(call_default_factory=True) for name, field in fields.items()}
    shared = one.model_dump(exclude_defaults=True)
    kinds = [each.model_copy(update=shared) for each in before.alternatives] or [one]
    return none | {"alternatives": (*kinds, other)[:LONGEST_LIST]}


def _both(one: Exclusions, other: Exclusions) -> Exclusions:
    lists = ("genres", "moods", "keywords", "people", "titles", "rated_by")
    joined: dict[str, Any] = {
        name: tuple(dict.fromkeys((*getattr(one, name), *getattr(other, name))))[:LONGEST_LIST]
        for name in lists
    }
    return Exclusions(
        **joined,
        text=f"{one.text} {other.text}".strip(),
        audience=other.audience or one.audience,
        ranges=one.ranges | other.ranges,
    )
