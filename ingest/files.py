"""Files of a source: plain, gzip, or inside a zip archive; read as a stream and never unpacked.

What is damaged, cut short or blown up (a few bytes that unpack to very many) ends in LoadError.
"""

import gzip
import hashlib
import io
import json
import lzma
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from palate.errors import LoadError, MissingFileError

MAX_BYTES = 32 << 30  # MovieLens' largest file unpacks to 1.1 GB
MAX_RATIO = 150  # ratings compress about fivefold, a bomb a thousandfold
_RATIO_FROM = 16 << 20  # small files of equal lines compress well: look at larger ones only
_DAMAGE = (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError)


@dataclass(frozen=True)
class DataFile:
    """One file, by its path and, inside an archive, its member's name."""

    path: Path
    member: str | None = None

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.path.name}/{self.member}" if self.member else self.path.name

    @property
    def size(self) -> int | None:
        """Bytes after unpacking, where that is known before reading."""
        if self.member is not None:
            with _archive(self.path) as archive:
                return archive.getinfo(self.member).file_size
        return None if self.path.suffix == ".gz" else self.path.stat().st_size

    def require_content(self) -> None:
        """Raise LoadError for a file without a byte."""
        with self.open() as stream:
            if not stream.read(1):
                raise LoadError(
                    f"{self.name} is empty. The tables are as they were. Get the file again."
                )

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The unpacked bytes. Raises LoadError for what cannot be unpacked, here or on reading."""
        with ExitStack() as opened:
            with _explained(self):
                stream, packed_size = opened.enter_context(self._packed())
            guarded = _Guarded(stream, self.name, packed_size)
            yield cast(BinaryIO, io.BufferedReader(guarded, 1 << 20))

    @contextmanager
    def _packed(self) -> Iterator[tuple[BinaryIO, int | None]]:
        if self.member is not None:
            with _archive(self.path) as archive:
                info = archive.getinfo(self.member)
                if info.flag_bits & 1:
                    raise LoadError(f"{self.name} is encrypted. Nothing was loaded. Unpack it.")
                with archive.open(info) as stream:
                    yield cast(BinaryIO, stream), max(info.compress_size, 1)
        elif self.path.suffix == ".gz":
            with gzip.open(self.path) as stream:
                yield cast(BinaryIO, stream), self.path.stat().st_size
        else:
            with self.path.open("rb") as stream:
                yield stream, None


@contextmanager
def _explained(file: DataFile) -> Iterator[None]:
    """Say what is wrong with a file that cannot be opened."""
    try:
        yield
    except FileNotFoundError as error:
        raise MissingFileError(f"There is no file {file.path}. Nothing was loaded.") from error
    except IsADirectoryError as error:
        raise MissingFileError(
            f"{file.path} is a folder. Nothing was loaded. Name a file."
        ) from error
    except _DAMAGE as error:
        raise _unreadable(file.name, error) from error


def digest_of(files: Iterable[tuple[str, DataFile]], **options: object) -> str:
    """SHA-256 of the bytes of files, by what they hold, and of how they are read."""
    total = hashlib.sha256(json.dumps(options, sort_keys=True, default=str).encode())
    known: dict[Path, bytes] = {}
    for what, file in files:
        if file.path not in known:
            with _explained(file), file.path.open("rb") as stream:
                known[file.path] = hashlib.file_digest(stream, "sha256").digest()
        total.update(f"\n{what} {file.member or ''} ".encode() + known[file.path])
    return total.hexdigest()


class _Guarded(io.RawIOBase):
    """A stream that stops at bombs and says what is wrong with damaged files."""

    def __init__(self, stream: BinaryIO, name: str, packed_size: int | None) -> None:
        self._stream, self._name, self._packed_size = stream, name, packed_size
        self._read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        try:
            data = self._stream.read(len(view))
        except _DAMAGE as error:
            raise LoadError(
                f"{self._name} is damaged or cut short after {self._read:,} bytes ({error}). "
                "The tables are as they were. Get the file again."
            ) from error
        view[: len(data)] = data
        self._read += len(data)
        self._check_size()
        return len(data)

    def _check_size(self) -> None:
        if self._read > MAX_BYTES:
            raise LoadError(
                f"{self._name} unpacks to more than {MAX_BYTES >> 30} GiB. "
                "The tables are as they were. Split the file."
            )
        packed = self._packed_size
        if packed and self._read > _RATIO_FROM and self._read > packed * MAX_RATIO:
            raise LoadError(
                f"{self._name} unpacks to more than {MAX_RATIO} times its size, as a zip bomb "
                "does. The tables are as they were. If you trust it, unpack it first."
            )


def _unreadable(name: str, error: Exception) -> LoadError:
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return LoadError(
        f"{name} cannot be read ({reason}). The tables are as they were. "
        "Is it the right file, and may it be read?"
    )


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise LoadError(
            f"{path.name} is not a whole zip file ({error}). The tables are as they were. "
            "Get the file again."
        ) from error
    except OSError as error:
        raise _unreadable(path.name, error) from error
    with archive:
        yield archive


def find_files(location: Path) -> dict[str, DataFile]:
    """The files of a folder or zip archive, by the name without folders.

    Of files of one name the one nearest to the top is taken. A ``.gz`` suffix is left out.
    """
    if not location.exists():
        raise MissingFileError(f"There is no {location}. Nothing was loaded.")
    if location.is_dir():
        found = [DataFile(path) for path in sorted(location.iterdir()) if path.is_file()]
    else:
        with _archive(location) as archive:
            names = sorted(archive.namelist(), key=lambda name: (name.count("/"), name))
        found = [DataFile(location, name) for name in names if not name.endswith("/")]
    files: dict[str, DataFile] = {}
    for file in found:
        name = PurePosixPath(file.member or file.path.name).name
        files.setdefault(name.removesuffix(".gz") if file.member is None else name, file)
    return files
