"""What an endpoint is given of a request's path and query."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeGuard, get_origin, get_type_hints
from urllib.parse import parse_qsl

from fastapi import params
from pydantic import BaseModel, TypeAdapter, ValidationError
from rapidfuzz import process

from palate.contract import UNKNOWN_USER, MovieId, is_user_name
from serve.api.problems import FieldError, InvalidRequestError
from serve.api.tokens import Caller

USER, MOVIE = "user_id", "movie_id"
_MAX_PARAMETERS = 200
_ALIKE = 60.0


class Arguments:
    """What an endpoint takes besides the request: parts of the path, and one model of the query."""

    def __init__(self, endpoint: Callable[..., Any]) -> None:
        hints = get_type_hints(endpoint, include_extras=True)
        self._path: dict[str, TypeAdapter[Any]] = {}
        self._query: tuple[str, type[BaseModel]] | None = None
        self.numbers_movie = False
        """Whether the endpoint takes the number of a film, which any id of it may name."""
        for name, hint in hints.items():
            match getattr(hint, "__metadata__", ()):
                case (*_, params.Path()):
                    self.numbers_movie |= name == MOVIE and hint.__origin__ is int
                    self._path[name] = TypeAdapter(MovieId if name == MOVIE else hint)
                case (params.Query(), *_):
                    self._query = name, hint.__origin__
                case _ if name not in ("request", "return"):
                    raise TypeError(f"{endpoint.__name__}() takes a {name} that nobody reads")
        fields = self._query[1].model_fields if self._query else {}
        self._known = {
            name: get_origin(field.annotation) in (list, tuple) for name, field in fields.items()
        }

    @property
    def tells_of_user(self) -> bool:
        """Whether it is said whom the request is about, so that it can be held to one user."""
        return USER in self._path or USER in self._known

    def read(
        self, path: Mapping[str, str], query: bytes, caller: Caller | None = None
    ) -> tuple[dict[str, Any], str | None]:
        """The endpoint's arguments, and the name of the user where that is no number, which
        `put_user` then puts in; of a ``caller`` who is one user, about that one.

        Raises InvalidRequestError and ForbiddenError."""
        values = read_query(query, self._known) if query else {}
        if caller is not None and caller.user is not None:
            path = caller.own(path, {})
            values = caller.own(values, self._known)
        given_users = (path.get(USER), values.get(USER))
        called = next((who for who in given_users if is_name(who)), None)
        if called is not None:
            unknown = {USER: str(UNKNOWN_USER)}
            path = {**path, **unknown} if USER in path else path
            values = {**values, **unknown} if USER in values else values
        place = ""
        try:
            given = {}
            for place, adapter in self._path.items():
                given[place] = adapter.validate_python(path[place])
            if self._query:
                name, model = self._query
                place = ""
                given[name] = model.model_validate(values)
        except ValidationError as error:
            where = ("path", place) if place else ("query",)
            raise InvalidRequestError.of_validation(
                error.errors(include_url=False), *where
            ) from None
        return given, called

    def put_user(self, given: dict[str, Any], user_id: int) -> None:
        """Let the arguments be of this user."""
        if USER in given:
            given[USER] = user_id
        elif self._query:
            given[self._query[0]] = given[self._query[0]].model_copy(update={USER: user_id})

    def user_of(self, given: Mapping[str, Any]) -> int | None:
        """The user whom the arguments name."""
        if USER in given:
            return int(given[USER])
        return getattr(given[self._query[0]], USER, None) if self._query else None


def is_name(who: object) -> TypeGuard[str]:
    """Whether it names a user otherwise than by a number."""
    return isinstance(who, str) and is_user_name(who)


def read_query(query: bytes, known: Mapping[str, bool]) -> dict[str, str | list[str]]:
    """The values of a query by name; lists where ``known`` says that a name may be repeated.

    Raises InvalidRequestError for a parameter that is unknown, or given twice in vain.
    """
    try:
        pairs = parse_qsl(
            query.decode("latin-1"), keep_blank_values=True, max_num_fields=_MAX_PARAMETERS
        )
    except ValueError as error:
        raise InvalidRequestError.of(
            [FieldError(location="query", name=None, detail=f"more than {_MAX_PARAMETERS} fields")]
        ) from error
    values: dict[str, Any] = {}
    errors = []
    for name, value in pairs:
        if name not in known:
            errors.append(FieldError(location="query", name=name, detail=say_unknown(name, known)))
        elif known[name]:
            values.setdefault(name, []).append(value)
        elif name in values:
            errors.append(FieldError(location="query", name=name, detail="given more than once"))
        else:
            values[name] = value
    if errors:
        raise InvalidRequestError.of(errors)
    return values


def say_unknown(name: str, known: Iterable[str]) -> str:
    """That there is no such parameter, and which are near."""
    nearest = process.extractOne(name, list(known), score_cutoff=_ALIKE)
    if nearest is not None:
        return f"unknown parameter; did you mean {nearest[0]!r}"
    if known:
        return f"unknown parameter; known are {', '.join(sorted(known))}"
    return "unknown parameter; this path takes none"
