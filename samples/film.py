"""A film of the sample: its facts, and one sentence made from them alone.

The wording follows the facts (genre, creative type, source, director, year, distributor, rating,
money), so that text search and text embeddings have something to hold. No text is taken from
anywhere.
"""

from dataclasses import dataclass
from datetime import date

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
class Film:
    """One cleaned film; None where a fact is unknown. Money in US dollars.

    What comes behind ``revenue`` shapes the overview and the raters, and is not shipped.
    """

    movie_id: int
    title: str
    original_title: str | None
    year: int
    release_date: date | None
    genres: tuple[str, ...]
    runtime_minutes: int | None
    director: str | None
    keywords: tuple[str, ...]
    budget: int | None
    revenue: int | None
    major_genre: str | None
    creative_type: str | None
    source: str | None
    distributor: str | None
    mpaa: str | None
    imdb_rating: float | None
    imdb_votes: int | None
    critics: int | None

    @property
    def overview(self) -> str:
        """One sentence, capitalised and ended with a full stop."""
        kind = _kind(self)
        origin = _SOURCE.get(self.source or "")
        if origin:
            start = f"{origin}, this {kind}"
            middle = f" was directed by {self.director} and" if self.director else " was"
        elif self.director:
            start = f"Directed by {self.director}, this {kind}"
            middle = " from an original screenplay was" if self.source else " was"
        else:
            start = f"{'An' if kind[0] in 'aeiou' else 'A'} {kind}"
            middle = " from an original screenplay," if self.source else ""
        by = f" by {self.distributor}" if self.distributor else ""
        return f"{start}{middle} released in {self.year}{by}{_rest(self)}."


def _kind(film: Film) -> str:
    big = film.budget is not None and film.budget >= _BIG_BUDGET
    small = film.budget is not None and film.budget < _SMALL_BUDGET
    size = "big-budget" if big else "low-budget" if small else None
    noun = _NOUN.get(film.major_genre or "")
    kinds: tuple[str | None, ...] = (_MODIFIER.get(film.creative_type or ""),)
    if noun is None and film.genres:
        kinds = tuple(genre.lower() for genre in film.genres)
    return " ".join(filter(None, (size, *kinds, noun or "film")))


def _rest(film: Film) -> str:
    parts = []
    if film.mpaa:
        parts.append("unrated" if film.mpaa == "Not Rated" else f"rated {film.mpaa}")
    if film.runtime_minutes:
        parts.append(f"{film.runtime_minutes} minutes long")
    if film.revenue is not None and film.revenue >= _HIT:
        parts.append(f"a worldwide hit that grossed {round(film.revenue / 1e6)} million dollars")
    return "".join(f", {part}" for part in parts)
