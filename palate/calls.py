"""What may be asked of the HTTP API: one function an operation, named as in its document.

Each says which request it is and what its answer is read as; ``palate.client`` sends it.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, Unpack
from urllib.parse import quote

import httpx
from pydantic import TypeAdapter

from palate import contract
from palate.contract.options import ListOptions, RecommendOptions, SearchOptions, Who

T = TypeVar("T")
Json = dict[str, Any]


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request, and how its answer is read."""

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    lines: Iterable[Mapping[str, Any]] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def _as(kind: type[T]) -> Callable[[httpx.Response], T]:
    adapter = TypeAdapter(kind)
    # A newer server may say more than this client knows.
    return lambda answer: adapter.validate_json(answer.content, extra="ignore")


_json: Callable[[httpx.Response], Json] = _as(Json)


def _spelt(query: Mapping[str, Any]) -> Json:
    """Parameters as an address has them."""
    spelt = {name: value for name, value in query.items() if value is not None}
    if "weights" in spelt:
        spelt["weights"] = ",".join(f"{name}:{w:g}" for name, w in spelt["weights"].items())
    for name in ("fields", "facets"):
        if isinstance(spelt.get(name), (list, tuple)):
            spelt[name] = ",".join(spelt[name])
    return spelt


def _get(path: str, read: Callable[[httpx.Response], T], **query: Any) -> Call[T]:
    return Call("GET", path, read, _spelt(query))


def _movie(movie_id: int | str, rest: str = "") -> str:
    return f"/v1/movies/{quote(str(movie_id), safe='')}{rest}"


def _user(who: Who, rest: str = "") -> str:
    return f"/v1/users/{quote(str(who), safe='@')}{rest}"


def _rating(who: Who, movie_id: int | str) -> str:
    return _user(who, f"/ratings/{quote(str(movie_id), safe='')}")


def search(q: str, **options: Unpack[SearchOptions]) -> Call[contract.SearchResponse]:
    """Films by text, in the order of a user's taste."""
    return _get("/v1/search", _as(contract.SearchResponse), q=q, **options)


def multi_search(
    searches: Sequence[Mapping[str, Any]],
) -> Call[list[contract.SearchResponse | Json]]:
    """Up to 20 searches in one call: of each its answer, or its problem as a dict."""

    def read(answer: httpx.Response) -> list[contract.SearchResponse | Json]:
        made = TypeAdapter(contract.SearchResponse)
        return [
            each["problem"] or made.validate_python(each["answer"], extra="ignore", strict=False)
            for each in answer.json()["answers"]
        ]

    return Call("POST", "/v1/multi-search", read, body={"searches": [*searches]})


def suggest(
    q: str, k: int = 10, *, user_id: Who | None = None, profile: str = "main"
) -> Call[Json]:
    """Titles that start as typed."""
    return _get("/v1/suggest", _json, q=q, k=k, user_id=user_id, profile=profile)


def ask(
    q: str,
    *,
    user_id: Who | None = None,
    k: int | None = None,
    rules: bool = False,
    words: contract.Words = "template",
    conversation: str | None = None,
) -> Call[Json]:
    """A request in plain words, and its answer."""
    asked = {"user_id": user_id, "k": k, "rules": rules, "words": words}
    return _get("/v1/ask", _json, q=q, conversation=conversation, **asked)


def ask_structure(
    structure: Mapping[str, Any], *, words: contract.Words = "template"
) -> Call[Json]:
    """A request as it was read or changed since, and its answer."""
    return Call("POST", "/v1/ask", _json, {"words": words}, structure)


def chat(
    message: str, *, user_id: Who | None = None, conversation: str | None = None
) -> Call[Json]:
    """A message of a talk: ``text``, ``films``, ``answer``, and the ``conversation`` to go on."""

    def read(answer: httpx.Response) -> Json:
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

    body = {"message": message, "user_id": user_id, "conversation": conversation}
    return Call("POST", "/v1/chat", read, body={k: v for k, v in body.items() if v is not None})


def recommend_by_body(**options: Unpack[RecommendOptions]) -> Call[contract.Recommendations]:
    """Films for a user."""
    return Call("POST", "/v1/recommend", _as(contract.Recommendations), body=options)


def trace_recommend(**options: Unpack[RecommendOptions]) -> Call[Json]:
    """How recommendations were made, stage by stage."""
    return _get("/v1/debug/recommend", _json, **options)


def predict(
    user_id: Who, movie: int | str, *, profile: str = "main", words: contract.Words = "template"
) -> Call[Json]:
    """What a user would give a film."""
    asked = {"user_id": user_id, "movie": movie, "profile": profile, "words": words}
    return _get("/v1/predict", _json, **asked)


def compare(movies: Sequence[int | str], *, words: contract.Words = "template") -> Call[Json]:
    """Films side by side."""
    return _get("/v1/compare", _json, movie=[*movies], words=words)


def preferences(
    user_id: Who, *, profile: str = "main", words: contract.Words = "template"
) -> Call[Json]:
    """What a user likes."""
    return _get(_user(user_id, "/preferences"), _json, profile=profile, words=words)


def similar_movies(
    movie_id: int | str, k: int = 10, *, user_id: Who | None = None, profile: str = "main"
) -> Call[Json]:
    """Films like one film."""
    asked = {"k": k, "user_id": user_id, "profile": profile}
    return _get(_movie(movie_id, "/similar"), _json, **asked)


def list_movies(**options: Unpack[ListOptions]) -> Call[Json]:
    """Films in an order, counted."""
    return _get("/v1/movies", _json, **options)


def read_movie(movie_id: int | str) -> Call[contract.Movie]:
    """One film."""
    return _get(_movie(movie_id), _as(contract.Movie))


def movie_version(movie_id: int | str) -> Call[str]:
    """The version of a film, to be sent as ``if_match``."""
    return Call("HEAD", _movie(movie_id), lambda answer: answer.headers["etag"])


def _matching(if_match: str | None) -> dict[str, str]:
    return {} if if_match is None else {"If-Match": if_match}


def put_movie(
    movie_id: int | str, film: Mapping[str, Any], *, if_match: str | None = None
) -> Call[contract.Movie]:
    """Write all of a film."""
    headers = _matching(if_match)
    return Call("PUT", _movie(movie_id), _as(contract.Movie), body=film, headers=headers)


def patch_movie(
    movie_id: int | str, facts: Mapping[str, Any], *, if_match: str | None = None
) -> Call[contract.Movie]:
    """Change what is named of a film."""
    headers = _matching(if_match)
    return Call("PATCH", _movie(movie_id), _as(contract.Movie), body=facts, headers=headers)


def remove_movie(
    movie_id: int | str, *, history: str = "keep", if_match: str | None = None
) -> Call[Json]:
    """Delete a film, and keep or erase what people said of it."""
    query, headers = {"history": history}, _matching(if_match)
    return Call("DELETE", _movie(movie_id), _json, query, headers=headers)


def write_movies(lines: Iterable[Mapping[str, Any]], *, job: str | None = None) -> Call[Json]:
    """Write many films, a line each, as they come."""
    return Call("POST", "/v1/movies/bulk", _json, _spelt({"job": job}), lines=lines)


def write_ratings(lines: Iterable[Mapping[str, Any]], *, job: str | None = None) -> Call[Json]:
    """Write ratings of many users, a line each, as they come."""
    return Call("POST", "/v1/ratings/bulk", _json, _spelt({"job": job}), lines=lines)


def job(job_id: str) -> Call[Json]:
    """How far many lines are, and which were refused."""
    return _get(f"/v1/jobs/{quote(job_id, safe='')}", _json)


def user(user_id: Who, *, profile: str = "main") -> Call[contract.User]:
    """What is known of a user."""
    return _get(_user(user_id), _as(contract.User), profile=profile)


def forget(user_id: Who) -> Call[contract.Forgotten]:
    """Delete everything of a user, and count what is left."""
    return Call("DELETE", _user(user_id), _as(contract.Forgotten))


def export(user_id: Who) -> Call[contract.Export]:
    """Everything that is held about a user."""
    return _get(_user(user_id, "/export"), _as(contract.Export))


def ratings(
    user_id: Who, *, profile: str = "main", limit: int = 100, offset: int = 0
) -> Call[Json]:
    """A user's ratings, the newest first."""
    asked = {"profile": profile, "limit": limit, "offset": offset}
    return _get(_user(user_id, "/ratings"), _json, **asked)


def rating(user_id: Who, movie_id: int | str, *, profile: str = "main") -> Call[contract.Rating]:
    """A user's rating of a film."""
    return _get(_rating(user_id, movie_id), _as(contract.Rating), profile=profile)


def rate(
    user_id: Who, movie_id: int | str, rating: float, *, profile: str = "main"
) -> Call[contract.Rating]:
    """Rate a film; the next search knows it."""
    query, body = {"profile": profile}, {"rating": rating}
    return Call("PUT", _rating(user_id, movie_id), _as(contract.Rating), query, body)


def unrate(user_id: Who, movie_id: int | str, *, profile: str = "main") -> Call[None]:
    """Take a rating back."""
    return Call("DELETE", _rating(user_id, movie_id), lambda _: None, {"profile": profile})


def add_events(
    user_id: Who, events: Sequence[Mapping[str, Any]], *, profile: str = "main"
) -> Call[contract.EventReport]:
    """What a user did, up to 10,000 events."""
    body = {"events": [*events]}
    path = _user(user_id, "/events")
    return Call("POST", path, _as(contract.EventReport), {"profile": profile}, body)


def list_events(
    user_id: Who,
    *,
    profile: str = "main",
    type: contract.EventType | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> Call[contract.History]:
    """What a user did, the newest first."""
    asked = {"profile": profile, "type": type, "limit": limit, "cursor": cursor}
    return _get(_user(user_id, "/events"), _as(contract.History), **asked)


def undo_events(user_id: Who, type: contract.EventType, *, profile: str = "main") -> Call[Json]:
    """Take back all events of a type."""
    query = {"profile": profile, "type": type}
    return Call("DELETE", _user(user_id, "/events"), _json, query)


def undo_event(user_id: Who, event_id: str, *, profile: str = "main") -> Call[None]:
    """Take back one event."""
    path = _user(user_id, f"/events/{quote(event_id, safe='')}")
    return Call("DELETE", path, lambda _: None, {"profile": profile})


def feedback(lines: Sequence[Mapping[str, Any]]) -> Call[contract.FeedbackReport]:
    """What became of the films of answers, up to 1,000 lines."""
    return Call("POST", "/v1/feedback", _as(contract.FeedbackReport), body={"feedback": [*lines]})


def rules() -> Call[contract.Rules]:
    """Synonyms and pins."""
    return _get("/v1/rules", _as(contract.Rules))


def put_rules(rules: contract.Rules) -> Call[contract.Rules]:
    """Write all synonyms and pins."""
    return Call("PUT", "/v1/rules", _as(contract.Rules), body=rules.model_dump())


def make_token(
    user: Who, *, scope: str = "read", profile: str | None = None, seconds: int = 3600
) -> Call[Json]:
    """A token for one user."""
    body = {"user": user, "scope": scope, "profile": profile, "seconds": seconds}
    return Call("POST", "/v1/tokens", _json, body=_spelt(body))


def healthz() -> Call[Json]:
    """Whether the process answers."""
    return _get("/healthz", _json)


def readyz() -> Call[Json]:
    """Whether searches work."""
    return _get("/readyz", _json)
