"""A planned message, answered step by step: each step is one that may be asked for by itself."""

from ask.answer import AskAnswer, Asker
from ask.conversation import Turn
from ask.plan import Plan
from ask.prediction import Prediction
from ask.structure import Structure, Title


def follow(
    asker: Asker, plan: Plan, text: str, user_id: int | None, *, by: str, after: Turn | None = None
) -> AskAnswer:
    """The answer to ``plan``, made ``by`` whom: the films found, with what follows of the first of
    them. Whose taste it is about the caller says, or the whole message as rules read it."""
    found = asker.ask(plan.find, user_id, plan.films, rules=True, after=after)
    who = asker.read(text, user_id, rules=True).structure.user_id
    films = tuple(Title(movie_id=film.movie_id) for film in found.shown[: plan.films])
    films = films or tuple(each for each in found.structure.titles if each.movie_id is not None)
    steps = " then ".join((f"find “{plan.find}”", *plan.then))
    notes = [f"Done in steps, planned by {by}: {steps}, of the first {len(films)}."]
    told: dict[str, object] = {}
    if "compare" in plan.then:
        if len(films) > 1:
            compared = Structure(intent="compare", titles=films)
            told["comparison"] = asker.run(compared).comparison
        else:
            notes.append("Fewer than two films were found, so nothing is compared.")
    if "predict" in plan.then and films:
        if who is None:
            notes.append("Nothing is predicted: say for which user, as in “for user 5”.")
        else:
            profile = found.structure.profile
            asked = Structure(intent="predict", titles=films, user_id=who, profile=profile)
            told["predictions"] = made = asker.run(asked).predictions
            notes += [conclude(made)] if len(made) > 1 else []
    changed = told | {"request": text, "read_by": by, "notes": (*found.notes, *notes)}
    return found.model_copy(update=changed)


def conclude(predictions: tuple[Prediction, ...]) -> str:
    """Which of several films is expected to be liked most, and how sure that is."""
    best, other = sorted(predictions, key=lambda each: -each.value)[:2]
    unsure = " Their ranges overlap, so it may be the other way round."
    return (
        f"Of these, {best.film} is expected to be liked most: {best.value:.1f} stars, before "
        f"{other.film} with {other.value:.1f}.{unsure if best.low <= other.high else ''}"
    )
