"""A request for who asks: words reach nobody else's taste."""

from dataclasses import replace

from ask.rules import Reading
from ask.structure import RatedBy


def for_caller(reading: Reading, user_id: int | None, k: int | None) -> Reading:
    """The reading for who asks: words never reach another person's taste than the caller's."""
    structure = reading.structure
    if k is not None and (reading.only_first or "k" not in structure.model_fields_set):
        structure = structure.changed(k=k)
    if user_id is not None:
        rated = (*structure.rated_by, *structure.exclude.rated_by)
        named = {structure.user_id, *structure.users, *(one.user_id for one in rated)}
        if others := sorted(user for user in named if user not in (None, user_id)):
            listed = ", ".join(map(str, others))
            reading = reading.noted(
                f"Asked for user {user_id}: user {listed} in the words is left out."
            )
        unseen = {"rated_by": _own(structure.exclude.rated_by, user_id)}
        structure = structure.changed(
            user_id=user_id, users=(), rated_by=_own(structure.rated_by, user_id),
            exclude=structure.exclude.model_copy(update=unseen),
        )  # fmt: skip
    return replace(reading, structure=structure)


def _own(rated: tuple[RatedBy, ...], user_id: int) -> tuple[RatedBy, ...]:
    return tuple(one for one in rated if one.user_id in (None, user_id))
