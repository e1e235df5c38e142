"""What the tools answer: fewer fields than HTTP, since an assistant pays for each.

A field that is null is left out of the answer.
"""

from collections.abc import Iterable
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, computed_field

from ask.preferences import Preferences
from palate.contract import NOBODY_GIVEN, Frozen, Movie, Recommendations, SearchResponse
from palate.text import name_film
from serve.chat import ChatReply

_FEWEST = 3  # ratings of a kind of film before it is told as a liking
_TOLD = 8

Short = Annotated[float, AfterValidator(lambda value: round(value, 2))]


class Told(Frozen):
    """What is told of something that has more attributes, some of them under other names."""

    model_config = ConfigDict(from_attributes=True, extra="ignore")

    @classmethod
    def of(cls, thing: object) -> Self:
        """What is told of it."""
        return cls.model_validate(thing)


class Named(Told):
    """A film."""

    movie_id: int
    title: str
    year: int | None = None


class Film(Named):
    """A film, and what it is to the user: `moved` is the places that taste lifted it."""

    genres: tuple[str, ...] = ()
    stars: Short | None = Field(None, validation_alias="avg_rating")
    user_stars: float | None = Field(None, validation_alias="rating")
    moved: Annotated[int | None, AfterValidator(lambda places: places or None)] = None
    why: Annotated[tuple[str, ...], BeforeValidator(lambda given: given or ())] = Field(
        (), validation_alias="reasons"
    )


class Films(Frozen):
    """Films, the best first."""

    films: tuple[Film, ...]
    notes: tuple[str, ...] = ()
    next_cursor: str | None = None


class Rated(Named):
    """A user's rating."""

    user_stars: float = Field(validation_alias="rating")
    rated_at: str


class RatedFilms(Frozen):
    """A user's ratings, the newest first."""

    ratings: tuple[Rated, ...]


class Recorded(Frozen):
    """An event as it is kept."""

    event_id: str


class Details(Named):
    """A film as the catalog knows it."""

    genres: tuple[str, ...] = ()
    director: str | None = None
    actors: tuple[str, ...] = ()
    overview: str | None = None
    minutes: int | None = Field(None, validation_alias="runtime_minutes")
    budget: int | None = None
    revenue: int | None = None
    stars: Short | None = Field(None, validation_alias="avg_rating")
    ratings: int = Field(0, validation_alias="rating_count")
    tone: str | None = Field(None, validation_alias="sentiment")
    audience: str | None = Field(None, validation_alias="target_audience")
    effectiveness: float | None = None
    imdb_id: str | None = Field(None, exclude=True)

    @computed_field(description="")  # type: ignore[prop-decorator]
    @property
    def url(self) -> str:
        """Where the film can be looked up."""
        return address(self.movie_id, self.imdb_id)


class Enriched(Named):
    """A film with what was found out about it."""

    tone: str | None = Field(None, validation_alias="sentiment")
    audience: str | None = Field(None, validation_alias="target_audience")
    budget_tier: str | None = None
    revenue_tier: str | None = None
    effectiveness: float | None = None
    estimated: tuple[str, ...] = ()


class EnrichedFilms(Frozen):
    """Films with what was found out about them."""

    films: tuple[Enriched, ...]


class Predicted(Told):
    """What a user would give a film."""

    movie_id: int
    title: str
    stars: Short = Field(validation_alias="value")
    low: Short
    high: Short
    confidence: str
    summary: tuple[str, ...]


class Liking(Told):
    """How a user rates one kind of film: stars above or below everybody."""

    kind: str = Field(validation_alias="name")
    ratings: int = Field(validation_alias="n")
    differs: Short = Field(validation_alias="shrunken")


class Taste(Frozen):
    """What a user likes and what not."""

    ratings: int
    mean: float
    summary: tuple[str, ...]
    likes: tuple[Liking, ...]
    dislikes: tuple[Liking, ...]


class Side(Named):
    """One of the films compared."""

    stars: Short | None = Field(None, validation_alias="avg_rating")
    minutes: int | None = Field(None, validation_alias="runtime_minutes")
    budget: int | None = None
    revenue: int | None = None


class Sides(Told):
    """Films side by side."""

    films: tuple[Side, ...] = Field(validation_alias="movies")
    summary: tuple[str, ...]


class Chatted(Frozen):
    """The answer to a message; conversation goes with the next one."""

    text: tuple[str, ...]
    films: tuple[Film, ...]
    conversation: str


class Found(Told):
    """A document that a search found."""

    id: str
    title: str
    url: str


class Results(Frozen):
    """Documents, the best first."""

    results: tuple[Found, ...]


class Document(Frozen):
    """All of one document."""

    id: str
    title: str
    text: str
    url: str


def films(found: Iterable[object]) -> tuple[Film, ...]:
    """What of films an assistant is told."""
    return tuple(map(Film.of, found))


def found_films(found: SearchResponse) -> Films:
    """A search's films, and what has to be known of them."""
    notes = [*found.query.notes]
    if found.why_not_personalized not in (None, NOBODY_GIVEN):
        notes.append(f"not personalised: {found.why_not_personalized}")
    if found.reading is not None:
        notes.append(f"searched for {found.reading.text!r} instead")
    if found.did_you_mean:
        notes.append(f"did you mean {found.did_you_mean!r}")
    if found.relaxed:
        notes.append("the last films have only some of the words")
    return Films(films=films(found.hits), notes=tuple(notes), next_cursor=found.next_cursor)


def recommended_films(found: Recommendations) -> Films:
    """Recommended films, and what has to be known of them."""
    notes = [*found.notes]
    for what, why in (
        ("not personalised", found.why_not_personalized),
        ("not judged by the language model", found.why_not_reranked),
    ):
        if why:
            notes.append(f"{what}: {why}")
    return Films(films=films(found.movies), notes=tuple(notes))


def taste(found: Preferences) -> Taste:
    """A taste: its sentences, and the kinds of film that stand out most."""
    groups = (found.genres, found.decades, found.directors, found.actors)
    traits = [each for group in groups for each in group if each.n >= _FEWEST]
    traits.sort(key=lambda each: -each.shrunken)
    return Taste(
        ratings=found.n,
        mean=round(found.mean, 2),
        summary=found.summary,
        likes=tuple(Liking.of(each) for each in traits[:_TOLD] if each.shrunken > 0),
        dislikes=tuple(Liking.of(each) for each in traits[::-1][:_TOLD] if each.shrunken < 0),
    )


def chatted(reply: ChatReply) -> Chatted:
    """The answer to a message, whatever it was about."""
    made = reply.answer
    found = () if made is None else made.shown
    return Chatted(text=reply.text, films=films(found), conversation=reply.conversation)


def document(movie: Movie) -> Document:
    """A film as a text to read and to cite."""
    named = name_film(movie.title, movie.year)
    lines = (
        named,
        ("Genres: " + ", ".join(movie.genres)) if movie.genres else "",
        f"Director: {movie.director}" if movie.director else "",
        ("With: " + ", ".join(movie.actors)) if movie.actors else "",
        f"Mean rating: {movie.avg_rating:.2f} of 5 from {movie.rating_count} ratings"
        if movie.avg_rating is not None
        else "",
        movie.overview or "",
    )
    return Document(
        id=str(movie.movie_id),
        title=named,
        text="\n".join(line for line in lines if line),
        url=address(movie.movie_id, movie.imdb_id),
    )


def address(movie_id: int, imdb_id: str | None) -> str:
    """Where a film can be looked up: at IMDb where its id is known, else here."""
    return f"https://www.imdb.com/title/{imdb_id}/" if imdb_id else f"palate://movies/{movie_id}"
