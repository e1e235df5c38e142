"""A predicted rating in words, from its figures only."""

from rerank.models.prediction import Evidence, RatingPrediction

_SHOWN = 3
_LEAST_INFLUENCE = 0.01


def in_words(predicted: RatingPrediction) -> tuple[str, ...]:
    """Sentences about a prediction: the value, how sure it is, and what it rests on."""
    film = _name(predicted.title, predicted.year)
    said = [
        f"User {predicted.user_id} is expected to give {film} {predicted.value:.1f} stars; "
        f"{predicted.level:.0%} of such ratings are from {predicted.low:.1f} to "
        f"{predicted.high:.1f}."
    ]
    sure = f"Confidence is {predicted.confidence}"
    if predicted.within_half_star is not None:
        sure += f": {predicted.within_half_star:.0%} of such ratings are at most half a star off"
    said.append(sure + ".")
    anybody = f"; anybody: {predicted.expected:.1f}"
    for lifts, word in ((True, "Lifted"), (False, "Lowered")):
        told = [e for e in predicted.rests_on if _moves(e, lifts=lifts)][:_SHOWN]
        if told:
            said.append(f"{word} by the {_list(told)}{anybody}.")
            anybody = ""
    if predicted.rated is not None:
        said.append(f"The user gave it {predicted.rated:.1f}; the other ratings predict.")
    if predicted.why:
        said.append(f"It says little here: {predicted.why}.")
    return tuple(said)


def _moves(evidence: Evidence, *, lifts: bool) -> bool:
    return (
        evidence.influence >= _LEAST_INFLUENCE
        if lifts
        else (evidence.influence <= -_LEAST_INFLUENCE)
    )


def _list(told: list[Evidence]) -> str:
    return ", ".join(f"{e.rating:.1f} given to {_name(e.title, e.year)}" for e in told)


def _name(title: str, year: int | None) -> str:
    return f"{title} ({year})" if year else title
