"""Files that are no tables, told by their first bytes, and what to make of them."""

from collections.abc import Collection

from palate.errors import LoadError

_SAVE = "Save it as CSV, UTF-8"
_UNPACK = "Unpack it, and name the folder"
_QUERY = "Load it into its own database and write the table out as CSV"
_KINDS: tuple[tuple[bytes, int, str, str], ...] = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0, "an Excel workbook of before 2007", _SAVE),
    (b"SQLite format 3\0", 0, "an SQLite database",
     'Write a table out: `sqlite3 -csv -header FILE "SELECT * FROM ratings" > ratings.csv`'),
    (b"PGDMP", 0, "a dump of pg_dump",
     "Restore it with pg_restore, and load with --from ADDRESS"),
    (b"7z\xbc\xaf\x27\x1c", 0, "a 7z archive", _UNPACK),
    (b"Rar!\x1a\x07", 0, "a RAR archive", _UNPACK),
    (b"ustar", 257, "a tar archive", "Unpack it (tar xf), and name the folder"),
    (b"%PDF-", 0, "a PDF", "Get the data as CSV or JSON"),
    (b"version https://git-lfs", 0, "a pointer of Git LFS, not the data", "Get it: `git lfs pull`"),
    (b"bplist", 0, "a property list", "Get the data as CSV or JSON"),
)  # fmt: skip
_WORDS: tuple[tuple[bytes, str, str], ...] = (
    (b"<!doctype html", "a web page", "Its address may want a login: download the file itself"),
    (b"<html", "a web page", "Its address may want a login: download the file itself"),
    (b"<?xml", "XML", "Palate reads no XML: export CSV or JSON"),
    (b"-- mysql dump", "a dump of MySQL", _QUERY),
    (b"-- mariadb dump", "a dump of MariaDB", _QUERY),
    (b"--\n-- postgresql database", "a dump of pg_dump",
     "Restore it with psql, and load with --from ADDRESS"),
)  # fmt: skip
_MEMBERS = (
    ("xl/workbook.", "an Excel workbook", _SAVE),
    ("word/document.", "a Word document", "Get the data as CSV or JSON"),
    ("mimetype", "an OpenDocument file", _SAVE),
    ("Index/Document.iwa", "a document of Numbers", "Export it as CSV"),
)


def refuse_foreign(name: str, start: bytes) -> None:
    """Raise LoadError for the start of what is no table."""
    for magic, at, what, remedy in _KINDS:
        if start[at : at + len(magic)] == magic:
            raise _foreign(name, what, remedy)
    words = start[:4096].removeprefix(b"\xef\xbb\xbf").lstrip().lower().replace(b"\r", b"")
    for magic, what, remedy in _WORDS:
        if words.startswith(magic):
            raise _foreign(name, what, remedy)


def refuse_document(name: str, members: Collection[str]) -> None:
    """Raise LoadError for the members of a zip archive that is one document."""
    for start, what, remedy in _MEMBERS:
        if any(
            member == start or ("/" in start and member.startswith(start)) for member in members
        ):
            raise _foreign(name, what, remedy)


def _foreign(name: str, what: str, remedy: str) -> LoadError:
    return LoadError(f"{name} is {what}. The tables are as they were. {remedy}.")
