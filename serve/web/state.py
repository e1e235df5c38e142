"""What a page shows, as its address spells it: all of it, so that it can be shared.

Forms send empty fields, and people edit addresses: what is empty is left out, and what is unknown
is passed over; the page says so.
"""

from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import parse_qsl, urlencode

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from ask.conversation import LONGEST_STATE
from palate.contract import Order, Profile, RecommendRequest, SearchRequest, Seen
from palate.errors import MisuseError
from palate.text import first_wrong
from serve.api.arguments import say_unknown

WEIGHTED = ("bm25", "content", "collaborative", "popularity")
"""The components that have a slider."""

MIXED = ("content", "collaborative", "popularity", "trending", "vote", "novelty")
"""The parts of a recommendation's score that have a slider."""

PRESETS: dict[str, dict[str, float]] = {
    "text": {"bm25": 1.0, "content": 0.0, "collaborative": 0.0, "popularity": 0.0},
    "balanced": {"bm25": 0.4, "content": 0.25, "collaborative": 0.25, "popularity": 0.1},
    "taste": {"bm25": 0.1, "content": 0.4, "collaborative": 0.4, "popularity": 0.1},
}
"""Weights by the name of a preset; ``stored`` are the database's own, ``own`` the sliders'."""

_MOST_FIELDS = 200

Weight = Annotated[float | None, Field(ge=0, le=1, allow_inf_nan=False)]
Year = Annotated[int | None, Field(ge=0, le=9999)]


class State(BaseModel):
    """The state of a page."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    repeated: ClassVar[frozenset[str]] = frozenset()
    """Fields that may be given more than once."""

    _unread: tuple[str, ...] = PrivateAttr(())

    @property
    def unread(self) -> tuple[str, ...]:
        """What the address says besides, each with the reason why it is passed over."""
        return self._unread

    @classmethod
    def read(cls, query: bytes) -> Self:
        """The state that a query spells. Raises MisuseError."""
        values: dict[str, object] = {}
        try:
            pairs = parse_qsl(query.decode("latin-1"), max_num_fields=_MOST_FIELDS)
        except ValueError as error:
            raise MisuseError("The address has too many parts. Nothing was done.") from error
        for name, value in pairs:
            if name in cls.repeated:
                before = values.get(name, ())
                values[name] = (*before, value) if isinstance(before, tuple) else (value,)
            else:
                values[name] = value
        try:
            made = cls.model_validate(values)
        except ValidationError as error:
            raise MisuseError(f"{first_wrong(error)}. Nothing was done.") from error
        known = dict.fromkeys(cls.model_fields, True)
        made._unread = tuple(f"{n[:40]}: {say_unknown(n, known)}" for n in values if n not in known)
        return made

    def query(self, **changes: object) -> str:
        """The same state as a query, but for ``changes``; what is as it always is left out."""
        values = {**self.model_dump(), **changes}
        said = {
            name: value
            for name, value in values.items()
            if value is not None and value != type(self).model_fields[name].default
        }
        return urlencode(said, doseq=True)


class Whose(State):
    """Whose taste: a user's number, or what another system calls them."""

    user_id: str | None = Field(None, max_length=200)
    profile: Profile = "main"


class SearchState(Whose):
    """A search, its weights and filters."""

    repeated = frozenset({"genres", "filter"})

    q: str = Field("", max_length=2000)
    k: int = Field(10, ge=1, le=50)
    preset: str = "stored"
    bm25: Weight = None
    content: Weight = None
    collaborative: Weight = None
    popularity: Weight = None
    order: Order = "learned"
    seen: Seen = "mark"
    genres: Annotated[tuple[str, ...], Field(max_length=20)] = ()
    filter: Annotated[tuple[Annotated[str, Field(max_length=2000)], ...], Field(max_length=20)] = ()
    year_from: Year = None
    year_to: Year = None
    min_rating: float | None = Field(None, ge=0, le=5)

    @property
    def weights(self) -> dict[str, float] | None:
        """The weights of this search; None: those that are stored."""
        if self.preset == "own":
            return {n: v for n in WEIGHTED if (v := getattr(self, n)) is not None} or None
        return PRESETS.get(self.preset)

    def request(self, user_id: int | None) -> SearchRequest:
        """The search for this user; None: for everybody."""
        mine = user_id is not None
        asked = self.model_dump(include=set(SearchRequest.model_fields)) | {
            "user_id": user_id,
            "weights": self.weights,
            "seen": self.seen if mine else "keep",
            "explain": "facts" if mine else "none",
            "facets": not mine,
        }
        return SearchRequest.model_validate(asked)


class RecommendState(Whose):
    """Recommendations, the mixer's weights, and how far they were walked through."""

    preset: Literal["stored", "own"] = "stored"
    content: Weight = None
    collaborative: Weight = None
    popularity: Weight = None
    trending: Weight = None
    vote: Weight = None
    novelty: Weight = None
    diversity: float | None = Field(None, ge=0, le=1, allow_inf_nan=False)
    cursor: str | None = Field(None, max_length=20_000)

    def request(self, user_id: int | None, k: int) -> RecommendRequest:
        """What is recommended to this user: ``k`` films."""
        asked = RecommendRequest(user_id=user_id, profile=self.profile, k=k, cursor=self.cursor)
        if self.preset == "stored":
            return asked
        mixed = {n: v for n in MIXED if (v := getattr(self, n)) is not None}
        spread = {} if self.diversity is None else {"diversity": self.diversity}
        return asked.model_copy(update={"weights": mixed or None, **spread})


class AskState(Whose):
    """A request in plain words, and what of its reading was taken away."""

    repeated = frozenset({"without"})

    q: str = Field("", max_length=500)
    without: Annotated[tuple[str, ...], Field(max_length=40)] = ()
    conversation: str | None = Field(None, max_length=LONGEST_STATE, pattern=r"^[\w.-]+$")
    """Where the talk stands that this is said next in."""
