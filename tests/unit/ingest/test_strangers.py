"""Files as people have them: read right, or refused with what they are and what to do."""

import io
import tarfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest.files import DataFile, open_files
from ingest.layouts import recognise
from ingest.rows import Rejected
from ingest.scales import parse_scale, parse_score
from ingest.sniff import sniff
from ingest.sources.table import Table
from ingest.times import DateFormat, parse_time
from palate.errors import LoadError, MisuseError


def _zip(*members: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for member in members:
            archive.writestr(member, "x")
    return made.getvalue()


def _tar() -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("films.csv"))
    return made.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("stars.xlsx", _zip("[Content_Types].xml", "xl/workbook.xml"), "an Excel workbook"),
        ("stars.ods", _zip("mimetype", "content.xml"), "an OpenDocument file"),
        ("stars.numbers", _zip("Index/Document.iwa"), "a document of Numbers. .* as CSV"),
        ("stars.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99), "workbook of before 2007"),
        ("stars.db", b"SQLite format 3\0\r\r\r", "an SQLite database.*sqlite3 -csv"),
        ("stars.7z", b"7z\xbc\xaf\x27\x1c,\n,", "a 7z archive. .* Unpack it"),
        ("stars.tgz", _tar(), "a tar archive.*tar xf"),
        ("stars.dump", b"PGDMP,\n,", "a dump of pg_dump. .* pg_restore"),
        ("pg.sql", b"--\n-- PostgreSQL database dump\n--\n", "a dump of pg_dump. .* psql"),
        ("my.sql", b"-- MySQL dump 10.13, Distrib 8\n", "a dump of MySQL"),
        ("plex.xml", b'<?xml version="1.0"?>\n<a b="1,2"/>\n', "XML"),
        ("login.csv", b"\n<!DOCTYPE html>\n<p>Please, sign in</p>\n", "a web page"),
        ("lfs.csv", b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        ("mac.csv", b"user_id,movie_id,rating\r7,1,4\r", r"tr '\\r' '\\n' < mac.csv"),
        ("wide.csv", b"a," * 200_000 + b"\n", "begins with a line of more than 256 KiB"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # no bytes: an archive has the time
)
def test_what_is_no_table_is_called_by_name(
    tmp_path: Path, name: str, data: bytes, what: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(LoadError, match=f"(?s){what}"):
        list(map(sniff, open_files(tmp_path / name)))


def test_what_lies_deeper_is_named(tmp_path: Path) -> None:
    (tmp_path / "stars.csv").write_text("user_id,movie_id,rating\n7,1,4\n")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "stars.csv").write_text("user_id,movie_id,rating\n7,1,1\n")
    found = recognise(open_files(tmp_path))
    assert [file.name for file, _ in found.parts] == ["stars.csv"]
    assert [file.name for file, _ in found.unread] == ["old"]
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(tmp_path / "old" / "stars.csv", "old/stars.csv")
        archive.write(tmp_path / "stars.csv", "stars.csv")
    found = recognise(open_files(tmp_path / "all.zip"))
    assert [file.member for file, _ in found.parts] == ["stars.csv"]
    assert [reason for _, reason in found.unread] == ["all.zip/stars.csv is nearer to the top"]


@pytest.mark.parametrize(
    ("text", "form", "read"),
    [
        ("05/06/2020", "d/m/y", datetime(2020, 6, 5, tzinfo=UTC)),
        ("05/06/2020", "m/d/y", datetime(2020, 5, 6, tzinfo=UTC)),
        ("11/28/2025 8:15 PM", None, datetime(2025, 11, 28, 20, 15, tzinfo=UTC)),
        ("5/5/2025 12:00 AM", None, datetime(2025, 5, 5, tzinfo=UTC)),
        ("28.11.2025 9:05", None, datetime(2025, 11, 28, 9, 5, tzinfo=UTC)),
    ],
)
def test_dates_as_spreadsheets_write_them(
    text: str, form: DateFormat | None, read: datetime
) -> None:
    assert float(parse_time(text, "when", form)) == read.timestamp()


@pytest.mark.parametrize(
    ("score", "stars"),
    [("five stars", 5), ("Three", 3), ("four and a half stars", 4.5), ("★★★★½", 4.5), ("½", 0.5)],
)
def test_stars_in_words(score: str, stars: float) -> None:
    assert float(parse_score(score, "rating")) == stars


def test_an_empty_score_may_be_none(tmp_path: Path) -> None:
    assert parse_scale("0.5-5", "empty,0").unrated == {"", "0"}
    (tmp_path / "stars.csv").write_text("user_id,movie_id,rating\n7,1,4\n8,1,\n")
    part = Table("shop", ratings=tmp_path / "stars.csv").parts[0]
    assert "--unrated empty leaves such lines out" in " ".join(part.sample(9)[1].texts())


def test_files_put_one_behind_the_other_and_lines_that_end_in_a_comma(tmp_path: Path) -> None:
    (tmp_path / "stars.csv").write_text(
        "user_id,movie_id,rating\n7,1,4,\nuser_id,movie_id,rating\n8,2,3\n"
    )
    table = Table("shop", ratings=tmp_path / "stars.csv")
    blocks = list(table.ratings())
    assert b"".join(block.data for block in blocks) == b"7,1,4,\\N\n8,2,3,\\N\n"
    assert not any(block.rejected for block in blocks)
    assert "repeats the header, left out: 1 (first: line 3)" in " ".join(table.notes.texts())


def test_a_line_of_a_file_without_a_header_is_never_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "stars.csv").write_text("1,2,3\n2,2,4\n")
    columns = {"user_id": "1", "movie_id": "2", "rating": "3"}
    table = Table("shop", ratings=tmp_path / "stars.csv", columns=columns)
    assert sum(block.rows for block in table.ratings()) == 2
    assert sniff(DataFile(tmp_path / "stars.csv")).header is False


def test_one_user_for_a_file_that_names_users_is_refused(tmp_path: Path) -> None:
    (tmp_path / "stars.csv").write_text("user,movie_id,rating\n7,1,4\n8,1,2\n")
    found = recognise([DataFile(tmp_path / "stars.csv")])
    parts = [(file, part.model_copy(update={"user": "ann"})) for file, part in found.parts]
    with pytest.raises(MisuseError, match=r"in column user\. .*Leave --user out"):
        Table("shop", parts=parts)


def test_ratings_with_titles_beside_them_are_no_films(tmp_path: Path) -> None:
    (tmp_path / "reviews.csv").write_text("id,name,user,rating\n1,Heat,ann,4\n2,Heat,bob,2\n")
    ((_, reason),) = recognise([DataFile(tmp_path / "reviews.csv")]).unread
    assert "id may be the film's or their own" in reason
    assert "--column movie_id=id" in reason


def test_users_names_have_spaces_inside(tmp_path: Path) -> None:
    (tmp_path / "stars.csv").write_text("user,movie_id,rating\nAnn Smith,1,4\nBo  Li,1,3\n")
    found = recognise([DataFile(tmp_path / "stars.csv")])
    (block,) = Table("shop", parts=list(found.parts)).ratings()
    assert block.keyed.decode().startswith("2\tAnn Smith\t1\t")
    assert ["no more than one space" in one.reason for one in block.rejected] == [True]


def test_columns_in_german_french_and_spanish(tmp_path: Path) -> None:
    rows = {
        "Benutzer;Film-Nr;Bewertung;Datum": "7;1;4,5;28.11.2025",
        "Utilisateur;Film;Note;Date": "7;1;4,5;28/11/2025",
        "Usuario;Película;Calificación;Fecha": "7;1;4,5;2025-11-28",
    }
    for header, row in rows.items():
        (tmp_path / "stars.csv").write_text(f"\ufeff{header}\r\n{row}\r\n", encoding="utf-8")
        found = recognise([DataFile(tmp_path / "stars.csv")])
        (block,) = Table("shop", parts=list(found.parts)).ratings()
        assert block.data == b"7,1,4.5,1764288000\n"


def test_lists_parted_in_several_ways(tmp_path: Path) -> None:
    (tmp_path / "films.csv").write_text(
        'movie_id,title,genres\n1,Heat,Crime|War\n2,Up,"Comedy; Drama, Sci-Fi / Kids"\n'
    )
    table = Table("shop", movies=tmp_path / "films.csv", separator="any")
    genres = [film.genres for film in table.movies() if not isinstance(film, Rejected)]
    assert genres == [("Crime", "War"), ("Comedy", "Drama", "Sci-Fi", "Kids")]


def test_what_is_in_json_objects_is_a_column(tmp_path: Path) -> None:
    (tmp_path / "stars.json").write_text(
        '[{"by": {"id": 7, "age": 30}, "film": {"id": 1}, "rating": 4}, {"by": 5, "rating": 3}]'
    )
    columns = {"user_id": "by.id", "movie_id": "film.id"}
    table = Table("shop", ratings=tmp_path / "stars.json", columns=columns)
    (block,) = table.ratings()
    assert block.data == b"7,1,4,\\N\n"
    assert [one.line for one in block.rejected] == [2]
    assert table.parts[0].columns.unused() == ["by.age"]


def test_scores_up_to_one_ask_for_a_scale(tmp_path: Path) -> None:
    (tmp_path / "stars.csv").write_text("user_id,movie_id,rating\n7,1,0.9\n8,1,0.5\n")
    table = Table("shop", ratings=tmp_path / "stars.csv")
    list(table.movies())
    assert "--scale 0-1 may be meant" in " ".join(table.notes.texts())


def test_a_list_in_a_json_object_is_pointed_out(tmp_path: Path) -> None:
    (tmp_path / "jellyfin.json").write_text('{"Items": [{"Name": "Heat"}], "StartIndex": 0}\n')
    ((_, reason),) = recognise([DataFile(tmp_path / "jellyfin.json")]).unread
    assert "`jq .Items jellyfin.json > new.json`" in reason
