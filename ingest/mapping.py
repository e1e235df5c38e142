"""Which file holds what, how it is written and what its columns mean: what `inspect` proposes,
what a mapping file says and what a load follows."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ingest.lines import Format, Kind
from ingest.times import DateFormat
from palate.errors import MisuseError
from palate.text import first_wrong
from sql.own_fields import Type

Holds = Literal["movies", "ratings", "tags", "facts"]
LATER = ("own", "date_format")
"""Of a part, what is no part of a digest where it says nothing: loads of before stay known."""


class Part(BaseModel):
    """One file of a load."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    holds: Holds
    layout: str | None = Field(None, description="The layout it was recognised as.")
    kind: Kind = "delimited"
    delimiter: str = ","
    encoding: str = "utf-8"
    header: bool = True
    quoting: bool | None = None
    escape: bool = False
    most: int = 0
    columns: dict[str, str] = Field(default_factory=dict, description="Palate's name: the file's.")
    text_ids: list[Literal["user_id", "movie_id"]] = Field(
        default_factory=list, description="Whose ids are no numbers; others are refused."
    )
    separator: str = Field("|", description="Between the items of a list in one field.")
    scale: str = "0.5-5"
    unrated: str = Field("", description="Scores that only say that somebody saw it.")
    date_format: DateFormat | None = Field(None, description="How 05/06/2020 is read.")
    user: str | None = Field(None, description="Whose ratings they are, where no column says.")
    keep: dict[str, list[str]] = Field(
        default_factory=dict, description="Only lines with one of these values in a column."
    )
    names_items: str | None = Field(None, description="Title of what no file names: item {}.")
    own: dict[str, Type] = Field(
        default_factory=dict, description="The type of each field of one's own."
    )

    @property
    def style(self) -> Format:
        """How the file is written."""
        return Format(**{field.name: getattr(self, field.name) for field in fields(Format)})

    def with_own(self, own: dict[str, Type]) -> "Part":
        """The same part with the fields of one's own, where it is about films."""
        return self.model_copy(update={"own": own}) if self.holds in ("movies", "facts") else self

    def written(self, style: Format) -> "Part":
        """The same part in a file of that style."""
        return self.model_copy(update=vars(style))


class Mapping(BaseModel):
    """A mapping file."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = None
    parts: list[Part]


def write_mapping(mapping: Mapping, path: Path) -> None:
    """Write a mapping as JSON, to be read and changed. Raises MisuseError where it cannot be."""
    shown = mapping.model_dump(exclude_defaults=True)
    for one, part in zip(shown["parts"], mapping.parts, strict=True):
        if part.holds == "ratings":
            one["scale"] = part.scale
    try:
        path.write_text(json.dumps(shown, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise MisuseError(
            f"The mapping cannot be written to {path} ({error.strerror}). Nothing was loaded. Name "
            "another file."
        ) from error


def read_mapping(path: Path) -> Mapping:
    """Read a mapping file. Raises MisuseError for what is none."""
    try:
        return Mapping.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        wrong = (
            f"cannot be read ({error.strerror})"
            if isinstance(error, OSError)
            else f"is no mapping: {first_wrong(error)}"
        )
        raise MisuseError(
            f"{path} {wrong}. Nothing was loaded. "
            "`palate ingest inspect FILE... --write FILE` writes one."
        ) from error
