"""Files of a source: plain, packed (gzip, zstd, bzip2, xz: told by their first bytes) or inside
a zip archive; read as a stream and never unpacked.

What is damaged, cut short or blown up (a few bytes that unpack to very many) ends in LoadError.
"""

import bz2
import gzip
import hashlib
import io
import json
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

import zstandard

from ingest.foreign import refuse_document
from palate.errors import LoadError, MissingFileError

MAX_BYTES = 32 << 30  # MovieLens' largest file unpacks to 1.1 GB
MAX_RATIO = 150  # ratings compress about fivefold, a bomb a thousandfold
_RATIO_FROM = 16 << 20  # small files of equal lines compress well: look at larger ones only
_DAMAGE = (
    EOFError, OSError, zlib.error, lzma.LZMAError, zstandard.ZstdError, zipfile.BadZipFile,
    NotImplementedError,
)  # fmt: skip
_PACKED: dict[bytes, Callable[[BinaryIO], BinaryIO]] = {
    b"\x1f\x8b": lambda packed: cast(BinaryIO, gzip.GzipFile(fileobj=packed)),
    b"BZh": lambda packed: cast(BinaryIO, bz2.BZ2File(packed)),
    b"\xfd7zXZ": lambda packed: cast(BinaryIO, lzma.LZMAFile(packed)),  # noqa: SIM115
    b"\x28\xb5\x2f\xfd": lambda packed: buffered(_unpack_zstd(packed)),
}
_BUFFER = 1 << 20
_ZIP = b"PK\x03\x04"
_SUFFIXES = (".gz", ".zst", ".bz2", ".xz")


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
        return None if self._opener is not None else self.path.stat().st_size

    @property
    def _opener(self) -> Callable[[BinaryIO], BinaryIO] | None:
        """What unpacks the file; None where it is not packed."""
        start = first_bytes(self.path)
        return next((opener for magic, opener in _PACKED.items() if start.startswith(magic)), None)

    @property
    def start(self) -> bytes:
        """The first bytes as they lie there. Raises LoadError for what cannot be read."""
        with _explained(self):
            return first_bytes(self.path)

    @property
    def is_cut(self) -> bool:
        """Whether the last line has no end, as where a file was cut off. Packed ones tell else."""
        if self.member is not None or self._opener is not None or not self.path.stat().st_size:
            return False
        with self.path.open("rb") as stream:
            stream.seek(-1, io.SEEK_END)
            return stream.read(1) not in b"\n\r\0"

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
            yield buffered(_guarded(stream, self.name, packed_size))

    @contextmanager
    def _packed(self) -> Iterator[tuple[BinaryIO, int | None]]:
        if self.member is not None:
            with _archive(self.path) as archive:
                info = archive.getinfo(self.member)
                if info.flag_bits & 1:
                    raise LoadError(f"{self.name} is encrypted. Nothing was loaded. Unpack it.")
                with archive.open(info) as stream:
                    yield cast(BinaryIO, stream), max(info.compress_size, 1)
        else:
            opener = self._opener
            with self.path.open("rb") as stream:
                if opener is None:
                    yield stream, None
                    return
                with opener(stream) as unpacked:
                    yield unpacked, self.path.stat().st_size


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


class _Chunks(io.RawIOBase):
    """A stream of the bytes that an iterator brings."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._ready = chunks, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        self._ready = self._ready or memoryview(next(self._chunks, b""))
        taken = self._ready[: len(view)]
        view[: len(taken)] = taken
        self._ready = self._ready[len(taken) :]
        return len(taken)


def buffered(chunks: Iterator[bytes]) -> BinaryIO:
    """Chunks of bytes as a file to read."""
    return cast(BinaryIO, io.BufferedReader(_Chunks(chunks), _BUFFER))


def _unpack_zstd(packed: BinaryIO) -> Iterator[bytes]:
    """Every frame of a zstd stream. Raises EOFError where the last one is cut short."""
    unpacker, data = zstandard.ZstdDecompressor().decompressobj(), b""
    while data := data or packed.read(1 << 16):
        if unpacker.eof:
            unpacker = zstandard.ZstdDecompressor().decompressobj()
        if unpacked := unpacker.decompress(data):
            yield unpacked
        data = unpacker.unused_data
    if not unpacker.eof:
        raise EOFError("the last frame has no end")


def first_bytes(path: Path, count: int = 8) -> bytes:
    """The start of a file as it lies there."""
    with path.open("rb") as stream:
        return stream.read(count)


def _guarded(stream: BinaryIO, name: str, packed: int | None) -> Iterator[bytes]:
    """What a stream holds, unless it is a bomb; of damaged files it is said what is wrong."""
    read = 0
    while True:
        try:
            data = stream.read(_BUFFER)
        except _DAMAGE as error:
            raise LoadError(
                f"{name} is damaged or cut short after {read:,} bytes ({error}). "
                "The tables are as they were. Get the file again."
            ) from error
        if not data:
            return
        read += len(data)
        if read > MAX_BYTES:
            raise LoadError(
                f"{name} unpacks to more than {MAX_BYTES >> 30} GiB. "
                "The tables are as they were. Split the file."
            )
        if packed and read > _RATIO_FROM and read > packed * MAX_RATIO:
            raise LoadError(
                f"{name} unpacks to more than {MAX_RATIO} times its size, as a zip bomb "
                "does. The tables are as they were. If you trust it, unpack it first."
            )
        yield data


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

    Of files of one name the one nearest to the top is taken. The suffix of a packed file is left
    out.
    """
    if not location.exists():
        raise MissingFileError(f"There is no {location}. Nothing was loaded.")
    if location.is_dir():
        found = [DataFile(path) for path in sorted(location.iterdir()) if path.is_file()]
    else:
        found = _members(location)
    files: dict[str, DataFile] = {}
    for file in found:
        name = PurePosixPath(file.member or file.path.name).name
        if file.member is None and plain_name(name) in files:
            raise LoadError(
                f"{location} holds both {files[plain_name(name)].name} and {name}. The tables are "
                "as they were. Take one of them away."
            )
        files.setdefault(plain_name(name) if file.member is None else name, file)
    return files


def _members(archive: Path) -> list[DataFile]:
    """The files of a zip archive, those nearest to the top first."""
    with _archive(archive) as opened:
        names = sorted(opened.namelist(), key=lambda name: (name.count("/"), name))
    return [DataFile(archive, name) for name in names if not name.endswith("/")]


def open_files(path: Path) -> list[DataFile]:
    """The file at a path; those of the folder or zip archive that is there, and the folders of a
    folder, which are not looked into. Raises LoadError for a document that is a zip archive."""
    if path.is_dir():
        folders = (DataFile(one) for one in sorted(path.iterdir()) if one.is_dir())
        found = [*find_files(path).values(), *folders]
    elif path.is_file() and is_zip(DataFile(path)):
        found = _members(path)
        refuse_document(path.name, [file.member or "" for file in found])
    else:
        return [DataFile(path)]
    if not found:
        raise MissingFileError(f"{path} holds no files. Nothing was loaded.")
    return found


def is_zip(file: DataFile) -> bool:
    """Whether a file that is no member of another is a zip archive."""
    return file.member is None and file.start.startswith(_ZIP)


def plain_name(name: str) -> str:
    """A file's name without the suffix that says how it is packed."""
    return next((name.removesuffix(end) for end in _SUFFIXES if name.endswith(end)), name)
