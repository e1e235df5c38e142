"""One sentence about a film, made from facts alone.

The wording follows the facts (genre, creative type, source, director, year, distributor, rating,
money), so that text search and text embeddings have something to hold. No text is taken from
anywhere.
"""

from dataclasses import dataclass

_MODIFIER = {
    "Contemporary Fiction": "present-day",
    "Dramatization": "fact-based",
    "Fantasy": "fantasy",
    "Historical Fiction": "period",
    "Kids Fiction": "children's",
    "Science Fiction": "science fiction",
    "Super Hero": "superhero",
}
_NOUN = {
    "Action": "action film",
    "Adventure": "adventure",
    "Black Comedy": "black comedy",
    "Comedy": "comedy",
    "Concert/Performance": "concert film",
    "Documentary": "documentary",
    "Drama": "drama",
    "Horror": "horror film",
    "Musical": "musical",
    "Romantic Comedy": "romantic comedy",
    "Thriller/Suspense": "thriller",
    "Western": "western",
}
_SOURCE = {
    "Based on Book/Short Story": "Adapted from a book",
    "Based on Comic/Graphic Novel": "Adapted from a comic book",
    "Based on Factual Book/Article": "Adapted from a work of nonfiction",
    "Based on Game": "Adapted from a game",
    "Based on Magazine Article": "Adapted from a magazine article",
    "Based on Musical/Opera": "Adapted from a stage musical or opera",
    "Based on Play": "Adapted from a stage play",
    "Based on Real Life Events": "Drawn from real events",
    "Based on Short Film": "Grown out of a short film",
    "Based on TV": "Adapted from television",
    "Based on Toy": "Built on a line of toys",
    "Compilation": "Put together from shorter pieces",
    "Disney Ride": "Inspired by a theme park ride",
    "Musical Group Movie": "Built around a band",
    "Remake": "A remake of an earlier film",
    "Spin-Off": "A spin-off of an earlier film",
    "Traditional/Legend/Fairytale": "Taken from legend and fairy tale",
}
_BIG_BUDGET, _SMALL_BUDGET, _HIT = 100_000_000, 1_000_000, 300_000_000


@dataclass(frozen=True, slots=True)
class Facts:
    """What the sentence may say; ``None`` where unknown. Money in US dollars."""

    genres: tuple[str, ...]
    major_genre: str | None
    creative_type: str | None
    source: str | None
    director: str | None
    year: int
    distributor: str | None
    mpaa: str | None
    runtime_minutes: int | None
    budget: int | None
    revenue: int | None


def write_overview(facts: Facts) -> str:
    """The sentence, capitalised and ended with a full stop."""
    kind = _kind(facts)
    origin = _SOURCE.get(facts.source or "")
    if origin:
        start = f"{origin}, this {kind}"
        middle = f" was directed by {facts.director} and" if facts.director else " was"
    elif facts.director:
        start = f"Directed by {facts.director}, this {kind}"
        middle = " from an original screenplay was" if facts.source else " was"
    else:
        start = f"{'An' if kind[0] in 'aeiou' else 'A'} {kind}"
        middle = " from an original screenplay," if facts.source else ""
    return f"{start}{middle} released{_release(facts)}{_rest(facts)}."


def _kind(facts: Facts) -> str:
    words = []
    if facts.budget is not None and facts.budget >= _BIG_BUDGET:
        words.append("big-budget")
    elif facts.budget is not None and facts.budget < _SMALL_BUDGET:
        words.append("low-budget")
    modifier = _MODIFIER.get(facts.creative_type or "")
    noun = _NOUN.get(facts.major_genre or "")
    if noun:
        words += [modifier, noun] if modifier else [noun]
    elif facts.genres:
        words += [*(genre.lower() for genre in facts.genres), "film"]
    else:
        words += [modifier, "film"] if modifier else ["film"]
    return " ".join(words)


def _release(facts: Facts) -> str:
    by = f" by {facts.distributor}" if facts.distributor else ""
    return f" in {facts.year}{by}"


def _rest(facts: Facts) -> str:
    parts = []
    if facts.mpaa:
        parts.append("unrated" if facts.mpaa == "Not Rated" else f"rated {facts.mpaa}")
    if facts.runtime_minutes:
        parts.append(f"{facts.runtime_minutes} minutes long")
    if facts.revenue is not None and facts.revenue >= _HIT:
        parts.append(f"a worldwide hit that grossed {round(facts.revenue / 1e6)} million dollars")
    return "".join(f", {part}" for part in parts)
