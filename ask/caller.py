"""A request for who asks: users called by name, and words that reach nobody else's taste."""

import re
from dataclasses import replace

from ask.kinds import find_audience, is_kind
from ask.rules import Reading
from ask.structure import RatedBy
from ask.understood import describe_user
from ask.words import FILLING, UNREAD, any_case
from palate.contract import is_user_name
from palate.person import CALLED
from palate.statements import Statements
from search.names import Names
from sql.database import Database

_statements = Statements.beside(__file__, "ask")

_BEHIND = r"""\W*$|,| (that|which|who|but|and|from|with|about|under|he|she|they)\b
    |'s (tastes?|ratings?|favou?rites?|preferences)\b
    |( (has|have|had|hasn't|haven't|really|also|already|not|never))* (likes?|liked|loves?|loved
    |enjoy(s|ed)?|prefers?|hates?|hated|rates?|rated|thinks?|gives?|gave|sees?|seen|saw
    |watch(es|ed)?)\b"""
_NAMED = tuple(
    any_case(rf"""(^|\b(of|(?P<user>user)|for|as|by|is|are|what|(?P<asks>would|will|does|did|has
        |have)|films|movies|that) )(?P<name>[^\s,;:?!]+?( [^\s,;:?!]+?){{{more}}})(?(user)(?![\w-])
        |(?={_BEHIND}))""")
    for more in range(3)
)
"""Where a user may be called by a name of one to three words."""


_YEARS = re.compile(r"'?(\d\d)?\d0s|\d{4}")


def write_number(text: str, names: Names, database: Database, user_id: int | None) -> str:
    """The text with a user by number who is called by name there: ``what would ana like``.

    Where it is asked for ``user_id``, nobody else's name is looked up; nobody who calls himself
    Spielberg takes ``films by spielberg``.
    """
    plain = FILLING | UNREAD
    said = {
        found["name"]: found
        for pattern in _NAMED
        for found in pattern.finditer(text)
        if is_user_name(found["name"])
        and (found["user"] or not plain.issuperset(found["name"].lower().split()))
        and (found["user"] or found["asks"] or not _tells_of_films(found["name"], names))
    }
    asked = CALLED.get()
    known = [(asked[1], user_id)] if asked and asked[0] == user_id else []
    if said and user_id is None:
        with database.read() as connection:
            rows = connection.execute(_statements["users"], {"names": [*said]})
            known = [(row.name, row.user_id) for row in rows]
    for name, number in sorted(known, key=lambda one: -len(one[0])):
        if found := said.get(name):
            CALLED.set((number, name))
            begin = found.start("user" if found["user"] else "name")
            return f"{text[:begin]}user {number}{text[found.end('name') :]}"
    return text


def _tells_of_films(name: str, names: Names) -> bool:
    return bool(
        names.films(name, fuzzy=False)
        or names.person(name, fuzzy=False)
        or is_kind(name, names)
        or find_audience(name)
        or _YEARS.fullmatch(name)
    )


def for_caller(reading: Reading, user_id: int | None, k: int | None) -> Reading:
    """The reading for who asks: words never reach another person's taste than the caller's."""
    structure = reading.structure
    if k is not None and (reading.only_first or "k" not in structure.model_fields_set):
        structure = structure.changed(k=k)
    if user_id is not None:
        rated = (*structure.rated_by, *structure.exclude.rated_by)
        named = {structure.user_id, *structure.users, *(one.user_id for one in rated)}
        if others := sorted(user for user in named if user not in (None, user_id)):
            mine, listed = describe_user(user_id), ", ".join(map(describe_user, others))
            reading = reading.noted(
                f"Asked for user {mine}: user {listed} in the words is left out."
            )
        unseen = {"rated_by": _own(structure.exclude.rated_by, user_id)}
        structure = structure.changed(
            user_id=user_id, users=(), rated_by=_own(structure.rated_by, user_id),
            exclude=structure.exclude.model_copy(update=unseen),
        )  # fmt: skip
    return replace(reading, structure=structure)


def _own(rated: tuple[RatedBy, ...], user_id: int) -> tuple[RatedBy, ...]:
    return tuple(one for one in rated if one.user_id in (None, user_id))
