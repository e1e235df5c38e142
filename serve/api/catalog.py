"""Writing films: one by one with `/v1/movies/{movie_id}`, and many lines of films or ratings."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Annotated, Any, Literal

import anyio.to_thread
from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from ingest.bulk import (
    BATCH,
    LONGEST_LINE,
    Job,
    JobReport,
    MovieLine,
    MovieWriter,
    RatingLine,
    RatingWriter,
    Writer,
    find_job,
)
from ingest.catalog import Deleted, FilmFacts, NewFilm, delete_movie, write_movie
from palate.contract import Frozen, Movie
from serve.api.middleware import BODY
from serve.api.movies import show_movie
from serve.api.parameters import AnyMoviePath
from serve.api.problems import (
    BodyTooLargeError,
    BodyTooSlowError,
    ClientLeftError,
    OverloadedError,
    PreconditionError,
    TooSlowError,
)
from serve.api.routes import GuardedRoute, read_body, scoped
from serve.api.services import Services, services

router = APIRouter(route_class=GuardedRoute, tags=["movies"])

_FILM_BYTES = 1_000_000
_JOB = r"^[A-Za-z0-9_.-]{1,64}$"
_TRIES, _PAUSE = 20, 0.5

JobPath = Annotated[
    str, Path(pattern=_JOB, description="The job's id, as given or answered.", examples=["nightly"])
]


class WithHistory(Frozen):
    """What becomes of what people said of a film that is deleted."""

    history: Literal["keep", "erase"] = Field(
        "keep",
        description="keep: ratings, events and tags count no more, and again once the film comes "
        "back; erase: they are deleted for good.",
    )


class JobParameters(Frozen):
    """Under which name the lines are told of."""

    job: str | None = Field(
        None, pattern=_JOB, description="An id of yours, to ask for progress by while lines go."
    )


_WRITTEN = scoped("write", 400, 409, 412, line="write", body=NewFilm, max_body=_FILM_BYTES)
_WRITTEN["responses"][201] = {"model": Movie, "description": "The film is new."}


@router.put("/v1/movies/{movie_id}", summary="Write a film", response_model=Movie, **_WRITTEN)
def put_movie(request: Request, movie_id: AnyMoviePath) -> Response:
    """Set all of a film, or make it (201); the next search finds it.

    What is left out is empty afterwards. With `If-Match` only that version is changed, with
    `If-None-Match: *` only a new film is made; else 412.
    """
    return _write(request, movie_id, read_body(request, NewFilm), whole=True)


@router.patch(
    "/v1/movies/{movie_id}",
    summary="Change a film",
    response_model=Movie,
    **scoped("write", 400, 404, 409, 412, line="write", body=FilmFacts, max_body=_FILM_BYTES),
)
def patch_movie(request: Request, movie_id: AnyMoviePath) -> Response:
    """Set what is sent and leave the rest; null clears (RFC 7396). `If-Match` as in PUT."""
    return _write(request, movie_id, read_body(request, FilmFacts), whole=False)


@router.delete(
    "/v1/movies/{movie_id}", summary="Delete a film", **scoped("write", 404, 412, line="write")
)
def remove_movie(
    request: Request, movie_id: AnyMoviePath, parameters: Annotated[WithHistory, Query()]
) -> Deleted:
    """Delete a film. What people said of it is kept until it comes back, or erased; counted."""
    keep, check = parameters.history == "keep", _precondition(request)
    return delete_movie(services(request).database, movie_id, keep=keep, check=check)


@router.post(
    "/v1/movies/bulk",
    summary="Write many films",
    **scoped("write", 409, line=None, body=MovieLine, lines=True),
)
async def write_movies(
    request: Request, parameters: Annotated[JobParameters, Query()]
) -> JobReport:
    """Write films, an object a line, as they come: `movie_id` and what is to be set.

    What a line does not name stays, null clears, `"delete": true` deletes. Each line is created,
    updated, unchanged, deleted or refused by itself; the same lines again change nothing.
    """
    found = services(request)
    writer = MovieWriter(found.database, found.embed)
    return await _write_lines(request, found, writer, parameters.job)


@router.post(
    "/v1/ratings/bulk",
    summary="Write ratings of many users",
    **scoped("write", 409, line=None, body=RatingLine, lines=True),
)
async def write_ratings(
    request: Request, parameters: Annotated[JobParameters, Query()]
) -> JobReport:
    """Write ratings, an object a line, as they come; a rating of null is taken back.

    Each line is accepted, known (nothing changed) or refused by itself. Of one film a user's last
    rating counts.
    """
    found = services(request)
    return await _write_lines(request, found, RatingWriter(found.database), parameters.job)


@router.get("/v1/jobs/{job_id}", summary="What became of lines", **scoped("write", 404))
def job(request: Request, job_id: JobPath) -> JobReport:
    """How far the writing of many lines is, and which lines were refused; kept for a week."""
    return find_job(services(request).database, job_id)


def _write(request: Request, movie_id: int | str, facts: FilmFacts, *, whole: bool) -> Response:
    found = services(request)
    number, outcome = write_movie(
        found.database,
        movie_id,
        facts,
        whole=whole,
        check=_precondition(request),
        embed=found.embed,
    )
    return show_movie(request, number, status=201 if outcome == "created" else 200)


def _precondition(request: Request) -> Callable[[str | None], None]:
    """What holds the version that is there against If-Match and If-None-Match (RFC 9110, 13.1)."""
    wanted = request.headers.get("if-match")
    unwanted = request.headers.get("if-none-match")

    def check(version: str | None) -> None:
        if wanted is not None and (version is None or not _names(wanted, version)):
            raise PreconditionError(
                "The film was changed since that version, or is gone. Nothing was changed. Read it "
                "again, and send its ETag as If-Match."
            )
        if unwanted is not None and version is not None and _names(unwanted, version):
            raise PreconditionError(
                "There is such a film. Nothing was changed. Leave If-None-Match out to write over "
                "it."
            )

    return check


def _names(header: str, version: str) -> bool:
    return header.strip() == "*" or version in re.findall(r'(?<!W/)"([^".]*)', header)


async def _write_lines(
    request: Request, found: Services, writer: Writer[Any], name: str | None
) -> JobReport:
    """Write the lines of the body while they come."""
    limit = found.settings.max_bulk_bytes
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > limit:
        raise BodyTooLargeError(f"A file may have at most {limit} bytes. Nothing was done.")
    job = await anyio.to_thread.run_sync(partial(Job, writer, name))
    try:
        async for lines in _batches(_receive(request, found, limit)):
            await _in_turn(found, request, partial(job.write, lines))
    except BaseException:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(job.end, "stopped")
        raise
    return await anyio.to_thread.run_sync(job.end, "done")


async def _in_turn(found: Services, request: Request, work: Callable[[], None]) -> None:
    """Wait in line with all that write; a file has time."""
    for attempt in range(_TRIES):
        try:
            await found.lines["write"].serve(
                request.receive, partial(anyio.to_thread.run_sync, work)
            )
        except OverloadedError:
            if attempt == _TRIES - 1:
                raise
            await asyncio.sleep(_PAUSE)
        except TooSlowError as error:
            raise TooSlowError(
                "The lines took too long to write, so the rest was left. Ask for the job what is "
                "written, and send the lines again: those that are known change nothing."
            ) from error
        else:
            return


async def _receive(request: Request, found: Services, limit: int) -> AsyncIterator[bytes]:
    """The body, piece by piece, each within its time."""
    more, length = True, 0
    while more:
        try:
            async with asyncio.timeout(found.settings.body_timeout):
                message = await request.receive()
        except TimeoutError as error:
            raise BodyTooSlowError(
                f"No more lines came within {found.settings.body_timeout:g} s. What the job tells "
                "of is written."
            ) from error
        if message["type"] == "http.disconnect":
            raise ClientLeftError("The client went away before all lines had come.")
        piece: bytes = message.get("body", b"")
        more, length = message.get("more_body", False), length + len(piece)
        if length > limit:
            raise BodyTooLargeError(
                f"A file may have at most {limit} bytes. What the job tells of is written."
            )
        yield piece
    request.scope[BODY] = b""


async def _batches(pieces: AsyncIterator[bytes]) -> AsyncIterator[Sequence[bytes]]:
    """The lines, so many at a time; of one that has no end no more is held than of any."""
    rest = b""
    lines: list[bytes] = []
    async for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        rest = rest[: LONGEST_LINE + 1]
        lines += whole
        while len(lines) >= BATCH:
            yield lines[:BATCH]
            lines = lines[BATCH:]
    if rest:
        lines.append(rest)
    if lines:
        yield lines
