"""Descriptions of files: what their starts tell, and what options say of them."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from ingest.fields import is_missing, parse_key, reads
from ingest.files import DataFile
from ingest.lines import Line
from ingest.mapping import Holds, Part
from ingest.names import KNOWN
from ingest.sheets import Sheet
from ingest.sniff import sniff
from ingest.sources.columns import Columns
from palate.errors import LoadError, MisuseError
from sql.own_fields import Type

_SAMPLE = 1000  # records
FEW = 0.05  # the share of ids that are no numbers and still mistakes


def settle(file: DataFile, part: Part, separator: str | None = None) -> Part:
    """The part with what its start tells: whether ids are texts, and what parts lists.

    Ids are texts where more than a few are; what parts genres parts all lists.
    """
    sheet = Sheet(file, part.style)
    columns = Columns(sheet.header, part.columns, part.holds)
    records = [
        line
        for line in islice(sheet.records(), _SAMPLE)
        if isinstance(line, Line) and len(line.fields) == len(sheet.header)
    ]
    texts = []
    for name in ("user_id", "movie_id"):
        at = columns.find(name)
        if at is None or (name == "user_id" and part.holds in ("movies", "facts")):
            continue
        cells = [line.fields[at] for line in records if not is_missing(line.fields[at])]
        zeros = any(map(_has_zeros, cells))
        if zeros or sum(map(_is_text, cells)) > len(cells) * FEW:
            texts.append(name)
    update: dict[str, object] = {"text_ids": texts}
    genres = columns.find("genres")
    if separator is None and part.separator == "|" and genres is not None:
        cells = [line.fields[genres] for line in records if line.fields[genres][:1] not in "[{"]
        seen = "".join(cells)
        update["separator"] = next((one for one in "|;," if one in seen), "|")
    return part.model_copy(update=update)


def _has_zeros(cell: str) -> bool:
    return cell.strip()[:1] == "0" and len(cell.strip()) > 1 and cell.strip().isdecimal()


def _is_text(cell: str) -> bool:
    return reads(parse_key, cell) and isinstance(parse_key(cell, ""), str)


def describe(
    files: Mapping[Holds, list[DataFile]],
    columns: Mapping[str, str],
    separator: str | None = None,
    scale: str = "0.5-5",
    unrated: str = "",
    user: str | None = None,
    own: Mapping[str, Type] | None = None,
) -> list[tuple[DataFile, Part]]:
    """Files whose contents are told, with how they are written.

    ``columns`` says where a column of ours is called otherwise, in every file that has it; behind
    a kind and a dot, in files of that kind: ``ratings.user_id``.

    Raises MisuseError for a column of which no file has any.
    """
    of_films = {"own": dict(own or {})}
    said: Mapping[Holds, Mapping[str, object]] = {
        "ratings": {"scale": scale, "unrated": unrated, "user": user},
        "movies": of_films,
        "facts": of_films,
    }
    found = []
    for what, ones in files.items():
        for file in ones:
            part = Part(file=file.name, holds=what, separator=separator or "|").written(sniff(file))
            found.append(complete(file, part, columns, said.get(what, {}), separator))
    check_used(columns, [file for ones in files.values() for file in ones], found, own or {})
    return agreeing(found)


def complete(
    file: DataFile,
    part: Part,
    columns: Mapping[str, str],
    said: Mapping[str, object],
    separator: str | None = None,
) -> tuple[DataFile, Part]:
    """A file with its part: with what --column and other options say, and what its start tells."""
    mine = columns_for(part.holds, columns, Sheet(file, part.style).header)
    update = {**said, "columns": {**part.columns, **mine}}
    return file, settle(file, part.model_copy(update=update), separator)


def columns_for(what: Holds, columns: Mapping[str, str], header: Sequence[str]) -> dict[str, str]:
    """Of what --column says, what is about a file of this kind with this header: by our names."""
    return {
        ours.rpartition(".")[2]: theirs
        for ours, theirs in columns.items()
        if ours.rpartition(".")[0] in ("", what) and Columns(header).at(theirs) is not None
    }


def check_used(
    columns: Mapping[str, str],
    files: Iterable[DataFile],
    parts: Iterable[tuple[DataFile, Part]],
    own: Mapping[str, Type],
) -> None:
    """Raise where --column names what no file has, or what is no column of ours."""
    known = KNOWN | own.keys()
    if unknown := [ours for ours in columns if ours.rpartition(".")[2] not in known]:
        raise no_such_column(unknown, own)
    unused = [
        ours
        for ours, theirs in columns.items()
        if not any(
            columns_for(part.holds, {ours: theirs}, Sheet(file, part.style).header)
            for file, part in parts
        )
    ]
    if unused:
        names = ", ".join(file.name for file in files)
        raise LoadError(
            f"No column is called {', '.join(repr(columns[ours]) for ours in unused)} in {names}, "
            f"as --column says of {', '.join(unused)}. The tables are as they were. "
            "`palate ingest inspect` shows the columns of a file."
        )


def agreeing(parts: Sequence[tuple[DataFile, Part]]) -> list[tuple[DataFile, Part]]:
    """The parts of one load: where a file has films by text, all may."""
    if not any("movie_id" in part.text_ids for _, part in parts):
        return list(parts)
    return [
        (file, part.model_copy(update={"text_ids": sorted({*part.text_ids, "movie_id"})}))
        for file, part in parts
    ]


def no_such_column(names: Iterable[str], own: Iterable[str]) -> MisuseError:
    """For columns of ours that are mapped and that there are not."""
    others = f"; your own: {', '.join(own)}" if own else ""
    return MisuseError(
        f"There is no column {', '.join(names)} to map. Nothing was loaded. Palate's are "
        f"{', '.join(sorted(KNOWN))}{others}. `palate fields add` makes one of your own."
    )
