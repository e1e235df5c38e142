"""Where files come from: a path, a pipe, an address on the web, or a query of another database.

A load reads a file more than once: to see how it is written, to load it, and to be sure that it did
not change meanwhile. What can be read only once is kept in a folder of its own first.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from urllib.parse import urlsplit

import httpx
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from ingest.files import MAX_BYTES
from ingest.progress import LoadProgress
from ingest.sources.download import fetch
from palate.errors import LoadError, MisuseError

_BLOCK = 1 << 20


class Arrivals:
    """Files that are here, or come here first; those that came go with the context."""

    def __init__(
        self, folder: Path, database: str | None = None, progress: LoadProgress | None = None
    ) -> None:
        """With a ``database``, what is to arrive are queries of it."""
        self._folder, self._database = folder, database
        self._progress = progress or LoadProgress()

    def take(self, place: str | Path, name: str) -> Path:
        """The file at ``place``: a path, ``-`` for standard input, a URL, or a query.

        ``name`` is what a query's rows are called. Raises LoadError for what does not arrive.
        """
        text = str(place)
        if self._database is not None:
            return _query(self._database, text, self._folder / f"{name}.csv")
        if text == "-":
            return self._copy(sys.stdin.buffer, f"{name}-from-stdin")
        if text.startswith(("http://", "https://")):
            return self._download(text)
        if text.startswith(("https:/", "http:/")):  # a Path took one slash away
            return self._download(text.replace(":/", "://", 1))
        path = Path(place)
        if not path.exists() or path.is_file() or path.is_dir():
            return path
        with path.open("rb") as stream:
            return self._copy(stream, path.name)

    def _copy(self, stream: BinaryIO, name: str) -> Path:
        target, size = self._folder / name, 0
        try:
            with target.open("wb") as file:
                while data := stream.read(_BLOCK):
                    size += len(data)
                    if size > MAX_BYTES:
                        raise LoadError(
                            f"{name} is longer than {MAX_BYTES >> 30} GiB. The tables are as they "
                            "were. Split it."
                        )
                    file.write(data)
        except OSError as error:
            raise LoadError(
                f"{name} could not be kept in {self._folder} ({error.strerror}). The tables are as "
                "they were. Let TMPDIR name a folder with room for it."
            ) from error
        return target

    def _download(self, url: str) -> Path:
        name = PurePosixPath(urlsplit(url).path).name or "download"
        target = self._folder / name
        try:
            with httpx.Client(timeout=30, follow_redirects=True) as client:
                fetch(client, url, target, self._progress)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            answer = getattr(error, "response", None)
            reason = f"{answer.status_code} {answer.reason_phrase}" if answer else str(error)
            raise LoadError(
                f"{url} could not be fetched ({reason or type(error).__name__}). The tables are as "
                "they were. Is the address right?"
            ) from error
        return target


@contextmanager
def arrivals(
    database: str | None = None, progress: LoadProgress | None = None
) -> Iterator[Arrivals]:
    """A place for what has to be kept until it is loaded."""
    if database is not None and not _is_address(database):
        raise MisuseError(  # which is not quoted: it may hold a password
            "What --from names is no address of a PostgreSQL. Nothing was loaded. It looks like "
            "postgresql://user:password@host:5432/name."
        )
    with tempfile.TemporaryDirectory(prefix="palate-ingest-") as folder:
        yield Arrivals(Path(folder), database, progress)


def _is_address(text: str) -> bool:
    try:
        conninfo_to_dict(text)
    except psycopg.ProgrammingError:
        return False
    return text.startswith(("postgresql://", "postgres://"))


def _query(database: str, query: str, target: Path) -> Path:
    """The rows of a query, as CSV; in a transaction that can write nothing."""
    copy = sql.SQL("COPY ({}) TO STDOUT (FORMAT csv, HEADER)").format(
        sql.SQL(query.strip().rstrip(";"))
    )
    try:
        with psycopg.connect(database) as source, target.open("wb") as file:
            source.read_only = True
            with source.cursor().copy(copy) as rows:
                file.writelines(rows)
    except psycopg.Error as error:
        said = str(error).strip().splitlines()[0]
        raise LoadError(
            f"The query {query!r} brought nothing ({said}). The tables are as they were. "
            "Is the address after --from right, and does psql run the query there?"
        ) from error
    return target
