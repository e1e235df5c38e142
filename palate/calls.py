"""What may be asked of the HTTP API: one method an operation, named as in its document.

A method's arguments are the parts of the path, the body, or else the query; what it returns is what
the answer is read as. ``palate.client`` sends it.
"""
# mypy: disable-error-code="empty-body"

import inspect
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import update_wrapper
from types import MethodType
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, Unpack, overload
from urllib.parse import quote

import httpx
from pydantic import TypeAdapter

from palate import contract
from palate.contract import Words
from palate.contract.options import ListOptions, RecommendOptions, SearchOptions, Who

P = ParamSpec("P")
T = TypeVar("T")
Json = dict[str, Any]
Id = int | str
Object = Mapping[str, Any]
Read = Callable[[httpx.Response], Any]


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request, and how its answer is read."""

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    query: Object = field(default_factory=dict)
    body: Any = None
    lines: Iterable[Object] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Answers(Protocol):
    """A client that answers."""

    def send(self, call: Call[T]) -> T: ...


class Promises(Protocol):
    """A client whose answers are awaited."""

    async def send(self, call: Call[T]) -> T: ...


@dataclass(frozen=True)
class Operation(Generic[P, T]):
    """A method that sends what its arguments say."""

    declared: Callable[Concatenate[Any, P], T]
    request: str
    body: str | None
    inside: str | None
    lines: bool
    read: Read | None

    @overload
    def __get__(self, client: Answers, owner: object) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: Promises, owner: object) -> Callable[P, Awaitable[T]]: ...
    def __get__(self, client: Any, owner: object) -> Callable[P, object]:
        def send(*args: P.args, **options: P.kwargs) -> object:
            return client.send(self._call(*args, **options))

        return update_wrapper(send, MethodType(self.declared, client))

    def _call(self, *args: Any, **options: Any) -> Call[T]:
        bound = inspect.signature(self.declared).bind(None, *args, **options)
        bound.apply_defaults()
        given = {**bound.arguments, **bound.arguments.get("options", {})}
        given = {name: value for name, value in given.items() if name not in ("self", "options")}
        method, path = self.request.split()
        for name in [name for name in given if f"{{{name}}}" in path]:
            written = quote(str(given.pop(name)), safe="@" if name == "user_id" else "")
            path = path.replace(f"{{{name}}}", written)
        version, lines = given.pop("if_match", None), given.pop("lines") if self.lines else None
        given = {name: value for name, value in given.items() if value is not None}
        body, query = (given, {}) if self.body == "*" else (given.pop(self.body or "", None), given)
        body = {self.inside: body} if self.inside else body
        headers = {"If-Match": version} if version else {}
        read = self.read or _as(self.declared.__annotations__["return"])
        return Call(method, path, read, _spelt(query), body, lines, headers)


def _as(kind: Any) -> Read:
    if kind is None:
        return lambda _: None
    adapter = TypeAdapter[Any](kind)
    # A newer server may say more than this client knows.
    return lambda answer: adapter.validate_json(answer.content, extra="ignore")


def _spelt(query: Json) -> Json:
    """Parameters as an address has them."""
    if "movies" in query:
        query["movie"] = [*query.pop("movies")]
    if "weights" in query:
        query["weights"] = ",".join(f"{name}:{w:g}" for name, w in query["weights"].items())
    for name in ("fields", "facets"):
        if isinstance(query.get(name), (list, tuple)):
            query[name] = ",".join(query[name])
    return query


def asks(
    request: str,
    *,
    body: str | None = None,
    inside: str | None = None,
    lines: bool = False,
    read: Read | None = None,
) -> Callable[[Callable[Concatenate[Any, P], T]], Operation[P, T]]:
    """Make an operation of a method that says only what it takes and returns.

    ``body``: the argument that is sent as it (``*``: all of them), ``inside`` an object under that
    name; ``lines`` are sent a line each, as they come.
    """
    return lambda declared: Operation(declared, request, body, inside, lines, read)


def _read_searches(answer: httpx.Response) -> list[contract.SearchResponse | Json]:
    made = TypeAdapter(contract.SearchResponse)
    return [
        each["problem"] or made.validate_python(each["answer"], extra="ignore", strict=False)
        for each in answer.json()["answers"]
    ]


def _read_talk(answer: httpx.Response) -> Json:
    told: Json = {"text": [], "films": [], "answer": None, "conversation": None}
    event = ""
    for line in answer.text.splitlines():
        name, _, value = line.partition(": ")
        if name == "event":
            event = value
        elif name == "data" and event == "text":
            told["text"].append(json.loads(value))
        elif name == "data":
            told |= json.loads(value) if event == "done" else {event: json.loads(value)}
    return told


class Operations:
    """What a client is asked. Nothing runs but what is said of each."""

    @asks("GET /v1/search")
    def search(self, q: str, **options: Unpack[SearchOptions]) -> contract.SearchResponse:
        """Films by text, in the order of a user's taste."""

    @asks("POST /v1/multi-search", body="searches", inside="searches", read=_read_searches)
    def multi_search(self, searches: Sequence[Object]) -> list[contract.SearchResponse | Json]:
        """Up to 20 searches in one call: of each its answer, or its problem as a dict."""

    @asks("GET /v1/suggest")
    def suggest(
        self, q: str, k: int = 10, *, user_id: Who | None = None, profile: str = "main"
    ) -> Json:
        """Titles that start as typed."""

    @asks("GET /v1/ask")
    def ask(
        self,
        q: str,
        *,
        user_id: Who | None = None,
        k: int | None = None,
        rules: bool = False,
        words: Words = "template",
        conversation: str | None = None,
    ) -> Json:
        """A request in plain words, and its answer."""

    @asks("POST /v1/ask", body="structure")
    def ask_structure(self, structure: Object, *, words: Words = "template") -> Json:
        """A request as it was read or changed since, and its answer."""

    @asks("POST /v1/chat", body="*", read=_read_talk)
    def chat(
        self, message: str, *, user_id: Who | None = None, conversation: str | None = None
    ) -> Json:
        """A message of a talk: ``text``, ``films``, ``answer``, the ``conversation`` to go on."""

    @asks("POST /v1/recommend", body="*")
    def recommend(self, **options: Unpack[RecommendOptions]) -> contract.Recommendations:
        """Films for a user."""

    @asks("GET /v1/debug/recommend")
    def trace_recommend(self, **options: Unpack[RecommendOptions]) -> Json:
        """How recommendations were made, stage by stage."""

    @asks("GET /v1/predict")
    def predict(
        self, user_id: Who, movie: Id, *, profile: str = "main", words: Words = "template"
    ) -> Json:
        """What a user would give a film."""

    @asks("GET /v1/compare")
    def compare(self, movies: Sequence[Id], *, words: Words = "template") -> Json:
        """Films side by side."""

    @asks("GET /v1/users/{user_id}/preferences")
    def preferences(
        self, user_id: Who, *, profile: str = "main", words: Words = "template"
    ) -> Json:
        """What a user likes."""

    @asks("GET /v1/movies/{movie_id}/similar")
    def similar_movies(
        self, movie_id: Id, k: int = 10, *, user_id: Who | None = None, profile: str = "main"
    ) -> Json:
        """Films like one film."""

    @asks("GET /v1/movies")
    def list_movies(self, **options: Unpack[ListOptions]) -> Json:
        """Films in an order, counted."""

    @asks("GET /v1/movies/{movie_id}")
    def read_movie(self, movie_id: Id) -> contract.Movie:
        """One film."""

    @asks("HEAD /v1/movies/{movie_id}", read=lambda answer: answer.headers["etag"])
    def movie_version(self, movie_id: Id) -> str:
        """The version of a film, to be sent as ``if_match``."""

    @asks("PUT /v1/movies/{movie_id}", body="film")
    def put_movie(
        self, movie_id: Id, film: Object, *, if_match: str | None = None
    ) -> contract.Movie:
        """Write all of a film."""

    @asks("PATCH /v1/movies/{movie_id}", body="facts")
    def patch_movie(
        self, movie_id: Id, facts: Object, *, if_match: str | None = None
    ) -> contract.Movie:
        """Change what is named of a film."""

    @asks("DELETE /v1/movies/{movie_id}")
    def remove_movie(
        self, movie_id: Id, *, history: str = "keep", if_match: str | None = None
    ) -> Json:
        """Delete a film, and keep or erase what people said of it."""

    @asks("POST /v1/movies/bulk", lines=True)
    def write_movies(self, lines: Iterable[Object], *, job: str | None = None) -> Json:
        """Write many films, a line each, as they come."""

    @asks("POST /v1/ratings/bulk", lines=True)
    def write_ratings(self, lines: Iterable[Object], *, job: str | None = None) -> Json:
        """Write ratings of many users, a line each, as they come."""

    @asks("GET /v1/jobs/{job_id}")
    def job(self, job_id: str) -> Json:
        """How far many lines are, and which were refused."""

    @asks("GET /v1/users/{user_id}")
    def user(self, user_id: Who, *, profile: str = "main") -> contract.User:
        """What is known of a user."""

    @asks("DELETE /v1/users/{user_id}")
    def forget(self, user_id: Who) -> contract.Forgotten:
        """Delete everything of a user, and count what is left."""

    @asks("GET /v1/users/{user_id}/export")
    def export(self, user_id: Who) -> contract.Export:
        """Everything that is held about a user."""

    @asks("GET /v1/users/{user_id}/ratings")
    def ratings(
        self, user_id: Who, *, profile: str = "main", limit: int = 100, offset: int = 0
    ) -> Json:
        """A user's ratings, the newest first."""

    @asks("GET /v1/users/{user_id}/ratings/{movie_id}")
    def rating(self, user_id: Who, movie_id: Id, *, profile: str = "main") -> contract.Rating:
        """A user's rating of a film."""

    @asks("PUT /v1/users/{user_id}/ratings/{movie_id}", body="rating", inside="rating")
    def rate(
        self, user_id: Who, movie_id: Id, rating: float, *, profile: str = "main"
    ) -> contract.Rating:
        """Rate a film; the next search knows it."""

    @asks("DELETE /v1/users/{user_id}/ratings/{movie_id}")
    def unrate(self, user_id: Who, movie_id: Id, *, profile: str = "main") -> None:
        """Take a rating back."""

    @asks("POST /v1/users/{user_id}/events", body="events", inside="events")
    def add_events(
        self, user_id: Who, events: Sequence[Object], *, profile: str = "main"
    ) -> contract.EventReport:
        """What a user did, up to 10,000 events."""

    @asks("GET /v1/users/{user_id}/events")
    def list_events(
        self,
        user_id: Who,
        *,
        profile: str = "main",
        type: contract.EventType | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> contract.History:
        """What a user did, the newest first."""

    @asks("DELETE /v1/users/{user_id}/events")
    def undo_events(self, user_id: Who, type: contract.EventType, *, profile: str = "main") -> Json:
        """Take back all events of a type."""

    @asks("DELETE /v1/users/{user_id}/events/{event_id}")
    def undo_event(self, user_id: Who, event_id: str, *, profile: str = "main") -> None:
        """Take back one event."""

    @asks("POST /v1/feedback", body="lines", inside="feedback")
    def feedback(self, lines: Sequence[Object]) -> contract.FeedbackReport:
        """What became of the films of answers, up to 1,000 lines."""

    @asks("GET /v1/rules")
    def rules(self) -> contract.Rules:
        """Synonyms and pins."""

    @asks("PUT /v1/rules", body="rules")
    def put_rules(self, rules: contract.Rules) -> contract.Rules:
        """Write all synonyms and pins."""

    @asks("POST /v1/tokens", body="*")
    def make_token(
        self, user: Who, *, scope: str = "read", profile: str | None = None, seconds: int = 3600
    ) -> Json:
        """A token for one user."""

    @asks("GET /healthz")
    def healthz(self) -> Json:
        """Whether the process answers."""

    @asks("GET /readyz")
    def readyz(self) -> Json:
        """Whether searches work."""
