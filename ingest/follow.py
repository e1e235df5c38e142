"""A source that keeps coming: new files of a folder or a web address, each taken once.

Each file is one load, whole or not at all; what was taken is remembered by its contents in the
database, after the load. Whoever is killed in between takes the file again, which changes nothing.
"""

import hashlib
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from typing import Any, Literal
from urllib.parse import unquote, urljoin, urlsplit

import httpx

from ingest.files import DataFile, open_files
from ingest.layouts import recognise
from ingest.load import LoadReport, load
from ingest.mapping import LATER, Holds, Part
from ingest.mapping import Mapping as MappingFile
from ingest.progress import LoadProgress
from ingest.rejects import OnError
from ingest.sources.download import fetch
from ingest.sources.table import Table
from palate.errors import ConflictError, LoadError, MissingFileError, MisuseError, PalateError
from palate.statements import Statements
from sql.database import Database
from sql.own_fields import Type, read_types

_statements = Statements.beside(__file__, "follow")
_ORDER: tuple[Holds, ...] = ("movies", "facts", "ratings", "tags")
_UNFINISHED = ("*.part", "*.tmp", "*.crdownload", "*.filepart", ".*", "*~")
SETTLED = 2.0
"""Seconds for which a file has not changed: others may still be written."""
_LONGEST_PAGE = 4 << 20


@dataclass(frozen=True)
class FollowOptions:
    """How files are read. ``mapping``: its parts are for files of their names, or patterns."""

    name: str | None = None
    mapping: MappingFile | None = None
    layout: str | None = None
    user: str | None = None
    on_error: OnError = "stop"
    rejects: Path | None = None


@dataclass(frozen=True)
class Followed:
    """What became of a file that was met: ``known`` says that its contents were taken before."""

    file: str
    outcome: Literal["loaded", "known", "refused"]
    reason: str | None = None
    report: LoadReport | None = None


@dataclass(frozen=True)
class _Found:
    """A file at the place: ``seen`` changes when it does."""

    name: str
    seen: str
    where: str | Path


@contextmanager
def following(database: Database) -> Iterator[None]:
    """Be the only one who follows this database. Raises ConflictError."""
    database.require_session()
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as keeper:
        if not keeper.execute(_statements["hold"]).scalar_one():
            raise ConflictError(
                "Another process follows into this database. Nothing was loaded. One is enough; "
                "it may follow one folder with all that comes."
            )
        try:
            yield
        finally:
            keeper.execute(_statements["release"])


def take_new(
    database: Database,
    place: str,
    options: FollowOptions | None = None,
    progress: LoadProgress | None = None,
) -> Iterator[Followed]:
    """Take what is new at ``place``, a folder or a web address: of a file, or of a page of links.

    Films come before what is said of them. A file that is refused is tried again when it changes,
    or when another one is taken, of whose films it may tell. Raises LoadError for a place that
    cannot be looked at.
    """
    options, progress = options or FollowOptions(), progress or LoadProgress()
    with database.read() as connection:
        rows = connection.execute(_statements["met"], {"place": place})
        met = {row.file: (row.seen, row.reason) for row in rows}
    found = list(_look(place))
    new = [one for one in found if met.get(one.name, ("", None))[0] != one.seen]
    if not new:
        return
    again = [one for one in found if one not in new and met[one.name][1] is not None]
    with tempfile.TemporaryDirectory(prefix="palate-follow-") as folder:
        taking = _Taking(database, place, options, progress, Path(folder), read_types(database))
        yield from taking.take([*new, *again])


@dataclass(frozen=True)
class _Taking:
    """One pass over files that are new."""

    database: Database
    place: str
    options: FollowOptions
    progress: LoadProgress
    folder: Path
    own: dict[str, Type]

    def take(self, found: list[_Found]) -> Iterator[Followed]:
        """Each file in turn: those of films first, then what came first."""
        ready: list[tuple[int, _Found, Path, list[tuple[DataFile, Part]]]] = []
        for one in found:
            try:
                path = self._fetch(one)
                parts = self._read(path)
            except PalateError as error:
                yield self._refuse(one, "", error)
                continue
            kinds = [_ORDER.index(part.holds) for _, part in parts]
            ready.append((min(kinds), one, path, parts))
        for _, one, path, parts in sorted(ready, key=lambda each: each[0]):
            yield self._take(one, path, parts)

    def _take(self, one: _Found, path: Path, parts: list[tuple[DataFile, Part]]) -> Followed:
        digest = self._digest(path, parts)
        with self.database.read() as connection:
            known = connection.execute(_statements["taken"], {"digest": digest}).scalar_one()
            loaded = connection.execute(_statements["loaded"]).scalar()
        if known:
            self._remember(one, digest, None)
            return Followed(one.name, "known")
        name = self.options.name or loaded or PurePosixPath(self.place.rstrip("/")).stem
        rejects = self.options.rejects or Path(f"{path.name}-rejected.csv")
        try:
            report = load(
                self.database, Table(name, parts=parts), on_error=self.options.on_error,
                rejects=rejects, progress=self.progress,
            )  # fmt: skip
        except (LoadError, ConflictError, MisuseError) as error:
            return self._refuse(one, digest, error)
        self._remember(one, digest, None)
        return Followed(one.name, "known" if report.repeated else "loaded", None, report)

    def _refuse(self, one: _Found, digest: str, error: PalateError) -> Followed:
        self._remember(one, digest, str(error))
        return Followed(one.name, "refused", str(error))

    def _remember(self, one: _Found, digest: str, reason: str | None) -> None:
        with self.database.begin() as connection:
            connection.execute(_statements["remember"], {
                "place": self.place, "file": one.name, "seen": one.seen, "digest": digest,
                "reason": reason,
            })  # fmt: skip

    def _fetch(self, one: _Found) -> Path:
        if isinstance(one.where, Path):
            return one.where
        target = Path(tempfile.mkdtemp(dir=self.folder)) / (_name_of(one.where) or "download")
        try:
            with httpx.Client(timeout=30, follow_redirects=True) as client:
                fetch(client, one.where, target, self.progress)
        except httpx.HTTPError as error:
            raise LoadError(
                f"{one.where} could not be fetched ({error or type(error).__name__}). The tables "
                "are as they were."
            ) from error
        return target

    def _read(self, path: Path) -> list[tuple[DataFile, Part]]:
        """What the file holds: as the mapping says, else as it is recognised."""
        files = open_files(path)
        parts = [(file, part) for file in files for part in self._mapped(file)]
        if parts:
            return parts
        found = recognise(files, self.options.layout, self.options.user, self.own)
        if not found.parts:
            why = "; ".join(f"{file.name}: {reason}" for file, reason in found.unread)
            raise LoadError(
                f"What {path.name} holds was not made out ({why}). Nothing of it was loaded. Say "
                "it in a mapping: `palate ingest inspect` writes one."
            )
        return list(found.parts)

    def _mapped(self, file: DataFile) -> Iterator[Part]:
        for part in self.options.mapping.parts if self.options.mapping else ():
            if fnmatch(file.name, part.file):
                yield part.model_copy(update={"file": file.name, "own": {}}).with_own(self.own)
                return

    @staticmethod
    def _digest(path: Path, parts: list[tuple[DataFile, Part]]) -> str:
        """Of the contents, and of how they are read."""
        with path.open("rb") as stream:
            made = hashlib.file_digest(stream, "sha256")
        for _, part in parts:
            silent = {name for name in LATER[1:] if not getattr(part, name)}
            made.update(part.model_dump_json(exclude={"file", *silent}).encode())
        return made.hexdigest()


def _look(place: str) -> Iterator[_Found]:
    if place.startswith(("http://", "https://")):
        yield from _look_on_the_web(place)
        return
    folder = Path(place)
    if not folder.is_dir():
        raise MissingFileError(
            f"There is no folder {place} to follow. Nothing was loaded. Make it, or name a web "
            "address."
        )
    files = _states(folder)
    if any(abs(time.time() - changed / 1e9) < SETTLED for changed, _ in files.values()):
        time.sleep(SETTLED)
        later = _states(folder)
        files = {path: state for path, state in files.items() if later.get(path) == state}
    for path, (changed, size) in sorted(files.items(), key=lambda each: (each[1][0], each[0])):
        yield _Found(str(path.relative_to(folder)), f"{size} {changed}", path)


def _states(folder: Path) -> dict[Path, tuple[int, int]]:
    """When each file of a folder was changed, in nanoseconds, and how long it is."""
    return {
        path: (stat.st_mtime_ns, stat.st_size)
        for path in folder.rglob("*")
        if path.is_file() and not _unfinished(path.relative_to(folder))
        for stat in (path.stat(),)
    }


def _unfinished(name: PurePosixPath | Path) -> bool:
    return any(fnmatch(part, pattern) for part in name.parts for pattern in _UNFINISHED)


def _look_on_the_web(url: str) -> Iterator[_Found]:
    """The file at an address, or those that a page there links to, below it."""
    try:
        with httpx.Client(timeout=30, follow_redirects=True) as client:
            with client.stream("GET", url) as answer:
                answer.raise_for_status()
                if "html" not in answer.headers.get("Content-Type", ""):
                    yield _Found(url, _state(answer.headers), url)
                    return
                page = next(answer.iter_bytes(_LONGEST_PAGE), b"").decode(errors="replace")
            for link in _links(page, str(answer.url)):
                headers = client.head(link).headers
                if "html" not in headers.get("Content-Type", ""):
                    yield _Found(link, _state(headers), link)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise LoadError(
            f"{url} cannot be looked at ({error or type(error).__name__}). The tables are as they "
            "were. Is the address right?"
        ) from error


def _state(headers: Mapping[str, str]) -> str:
    """What a web server calls the present state of a file; without that, each look is a new one."""
    said = [headers.get(name, "") for name in ("ETag", "Last-Modified", "Content-Length")]
    return " ".join(said) if any(said[:2]) else f"unknown, looked at {time.time()}"


class _Links(HTMLParser):
    """Where a page links to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Any]]) -> None:
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]


def _links(page: str, base: str) -> list[str]:
    """Links of a page to what lies below it, in their order."""
    parser = _Links()
    parser.feed(page)
    below = base.rpartition("/")[0] + "/"
    links = dict.fromkeys(urljoin(base, link).partition("#")[0] for link in parser.found)
    return [
        link
        for link in links
        if link.startswith(below) and _name_of(link) and not _unfinished(Path(_name_of(link)))
    ]


def _name_of(url: str) -> str:
    return unquote(PurePosixPath(urlsplit(url).path).name) if not url.endswith("/") else ""
