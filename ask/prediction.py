"""A predicted rating in words, from its figures only."""

from ask.structure import name_film
from learn.prediction import BASELINE, Evidence, RatingPrediction

_SHOWN = 3  # ratings a sentence: more are a list
_LEAST_INFLUENCE = 0.01  # stars; less cannot be seen in a value of one decimal
_LEAST_LEVEL = 0.05  # stars: half of the last digit shown


def describe_prediction(predicted: RatingPrediction) -> tuple[str, ...]:
    """Sentences about a prediction: the value, how sure it is, and what it rests on."""
    film = name_film(predicted.title, predicted.year)
    sentences = [
        f"User {predicted.user_id} is expected to give {film} {predicted.value:.1f} stars; "
        f"{predicted.level:.0%} of such ratings are from {predicted.low:.1f} to "
        f"{predicted.high:.1f}."
    ]
    sure = f"Confidence is {predicted.confidence}"
    if predicted.within_half_star is not None:
        sure += f": {predicted.within_half_star:.0%} of such ratings are at most half a star off"
    sentences.append(sure + _near(predicted) + ".")
    sentences += _by_level(predicted) if predicted.model == BASELINE else _by_films(predicted)
    if predicted.rated is not None:
        sentences.append(f"The user gave it {predicted.rated:.1f}; the other ratings predict.")
    if predicted.why:
        sentences.append(f"It says little here: {predicted.why}.")
    return tuple(sentences)


def _near(predicted: RatingPrediction) -> str:
    """How many of the user's films are near this one, and how near, where that is known."""
    near, n = predicted.neighbours, predicted.ratings
    if not near and all(one.similarity is None for one in predicted.rests_on):
        return ""
    alike = "" if predicted.distance is None else f" (alike {1 - predicted.distance:.2f})"
    if n == 1:
        return f"; the one film rated is {'' if near else 'not '}near it{alike}"
    return (
        f"; {near or 'none'} of the {n} films rated {'is' if near <= 1 else 'are'} near it{alike}"
    )


def _by_level(predicted: RatingPrediction) -> list[str]:
    """The baseline knows only how the user rates, whatever the films: all of them count alike."""
    if not predicted.ratings:
        return []
    added = predicted.value - predicted.expected
    films = "film" if predicted.ratings == 1 else "films"
    others = f"the user's ratings of {predicted.ratings} other {films}"
    if abs(added) < _LEAST_LEVEL:
        return [f"Anybody: {predicted.expected:.1f}; {others} are like the crowd's."]
    word, side = ("Lifted", "above") if added > 0 else ("Lowered", "below")
    return [
        f"{word} by {abs(added):.1f}, since {others} are {side} the crowd's; "
        f"anybody: {predicted.expected:.1f}."
    ]


def _by_films(predicted: RatingPrediction) -> list[str]:
    sentences = []
    anybody = f"; anybody: {predicted.expected:.1f}"
    for sign, word in ((1, "Lifted"), (-1, "Lowered")):
        evidence = [e for e in predicted.rests_on if sign * e.influence >= _LEAST_INFLUENCE]
        if evidence:
            sentences.append(f"{word} by the {_list(evidence[:_SHOWN])}{anybody}.")
            anybody = ""
    return sentences


def _list(evidence: list[Evidence]) -> str:
    return ", ".join(f"{e.rating:.1f} given to {name_film(e.title, e.year)}" for e in evidence)
