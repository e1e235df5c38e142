"""Sources: every MovieLens layout, files of one's own, and what is wrong with files."""

import contextlib
import csv
import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import files
from ingest.fields import (
    FieldError,
)
from ingest.files import DataFile
from ingest.lines import Format
from ingest.ratings import RatingColumns, read_ratings
from ingest.rows import Movie, RatingBlock, Rejected, Source, Tag
from ingest.sources.movielens import MovieLens
from ingest.sources.table import Table
from ingest.staging import LineMap
from ingest.times import parse_time
from palate.errors import LoadError, MissingFileError, MisuseError, NotFoundError

FILMS = (
    "movieId,title,genres\n1,Toy Story (1995),Animation|Fantasy\n"
    '2,"Matrix, The (1999)",(no genres listed)\n'
)
RATINGS = (
    "userId,movieId,rating,timestamp\n1,1,4.0,964982703\n1,2,4.5,964981247\n7,1,0.5,1000000000\n"
)
LINKS = "movieId,imdbId,tmdbId\n1,0114709,862\n2,0133093,\n"
TAGS = 'userId,movieId,tag,timestamp\n1,1,"pixar, fun",1139045764\n1,2,,1139045764\n'


def folder(path: Path, **texts: str) -> Path:
    """A MovieLens folder in the CSV layout; other texts replace its files."""
    path.mkdir(exist_ok=True)
    contents = {"movies": FILMS, "ratings": RATINGS, "links": LINKS, "tags": TAGS, **texts}
    for name, text in contents.items():
        (path / f"{name}.csv").write_bytes(text.encode())
    return path


def movies(source: Source) -> list[Movie]:
    found = list(source.movies())
    assert not [row for row in found if isinstance(row, Rejected)]
    return [row for row in found if isinstance(row, Movie)]


def ratings(source: Source) -> list[list[float]]:
    return [list(map(float, row)) for row in rows(source.ratings())]


def rows(blocks: Iterator[RatingBlock]) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(block.data for block in blocks).decode())))


def rejected(source: Source) -> list[str]:
    """What is rejected of ratings."""
    return [str(line) for block in source.ratings() for line in block.rejected]


def read_all(file: DataFile) -> None:
    with file.open() as stream:
        while stream.read(1 << 20):
            pass


FOUND_RATINGS = [[1, 1, 4.0, 964982703], [1, 2, 4.5, 964981247], [7, 1, 0.5, 1000000000]]


def test_the_csv_layout(tmp_path: Path) -> None:
    source = MovieLens(folder(tmp_path / "ml-latest-small"))
    toy_story, matrix = movies(source)
    assert source.name == "ml-latest-small"
    assert toy_story == Movie(
        2, 1, "Toy Story", None, 1995, "0114709", 862, ("Animation", "Fantasy")
    )
    assert (matrix.title, matrix.year, matrix.genres) == ("The Matrix", 1999, ())
    assert (matrix.imdb_id, matrix.tmdb_id) == ("0133093", None)
    assert ratings(source) == FOUND_RATINGS
    assert list(source.tags()) == [Tag(2, 1, 1, "pixar, fun", 1139045764.0)]


def test_links_and_tags_may_be_missing(tmp_path: Path) -> None:
    place = folder(tmp_path)
    (place / "links.csv").unlink()
    (place / "tags.csv").unlink()
    source = MovieLens(place)
    assert movies(source)[0].tmdb_id is None
    assert list(source.tags()) == []


def test_the_1m_layout_in_latin_1(tmp_path: Path) -> None:
    (tmp_path / "movies.dat").write_bytes(
        "1::Misérables, Les (1995)::Drama|Musical\n".encode("latin-1")
    )
    (tmp_path / "ratings.dat").write_text("1::1::5::978300760\n2::1::3::978302109\n")
    source = MovieLens(tmp_path)
    assert movies(source) == [
        Movie(1, 1, "Les Misérables", None, 1995, genres=("Drama", "Musical"))
    ]
    assert ratings(source) == [[1, 1, 5, 978300760], [2, 1, 3, 978302109]]


def test_the_10m_layout_in_utf_8(tmp_path: Path) -> None:
    (tmp_path / "movies.dat").write_text("1::Misérables, Les (1995)::Drama\n", encoding="utf-8")
    (tmp_path / "ratings.dat").write_text("1::1::5::838985046\n")
    (tmp_path / "tags.dat").write_text("15::1::très bien!::1215184630\n", encoding="utf-8")
    source = MovieLens(tmp_path)
    assert movies(source)[0].title == "Les Misérables"
    assert list(source.tags()) == [Tag(1, 15, 1, "très bien!", 1215184630.0)]


def test_the_100k_layout(tmp_path: Path) -> None:
    (tmp_path / "u.genre").write_text("unknown|0\nAction|1\nDrama|2\n\n")
    (tmp_path / "u.item").write_bytes(
        'Misérables, Les "1" (1995)'.encode("latin-1").join(
            [b"1|", b"|01-Jan-1995||http://us.imdb.com/M|0|1|1\n"]
        )
        + b"267|unknown||||1|0|0\n"
    )
    (tmp_path / "u.data").write_text("196\t267\t3\t881250949\n186\t1\t3\t891717742\n")
    source = MovieLens(tmp_path)
    first, unknown = movies(source)
    assert first.title == 'Misérables, Les "1"'
    assert (first.genres, first.release_date) == (("Action", "Drama"), date(1995, 1, 1))
    assert (unknown.title, unknown.year, unknown.genres) == ("unknown", None, ())
    assert ratings(source) == [[196, 267, 3, 881250949], [186, 1, 3, 891717742]]


def test_a_zip_archive_is_read_without_unpacking(tmp_path: Path) -> None:
    archive = tmp_path / "ml-25m.zip"
    place = folder(tmp_path / "files")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in place.iterdir():
            packed.write(file, f"ml-25m/{file.name}")
    source = MovieLens(archive)
    assert source.name == "ml-25m"
    assert source.file_names["ratings"] == "ml-25m.zip/ml-25m/ratings.csv"
    assert source.ratings_size == len(RATINGS)
    assert ratings(source) == FOUND_RATINGS


def test_gzipped_members_of_a_folder(tmp_path: Path) -> None:
    place = folder(tmp_path)
    packed = gzip.compress((place / "ratings.csv").read_bytes())
    (place / "ratings.csv").unlink()
    (place / "ratings.csv.gz").write_bytes(packed)
    assert ratings(MovieLens(place)) == FOUND_RATINGS


def test_metadata_completes_films_by_tmdb_id(tmp_path: Path) -> None:
    record = {
        "tmdb_id": 862,
        "overview": "Toys come to life.",
        "runtime": 81.0,
        "budget": 30000000,
        "revenue": 0,
        "director": ["John Lasseter"],
        "cast": ["Tom Hanks", "Tim Allen"],
        "keywords": ["toy"],
        "release_date": "1995-10-30",
        "original_title": "Toy Story",
        "poster_path": "/x.jpg",
    }
    file = tmp_path / "metadata.jsonl.gz"
    file.write_bytes(gzip.compress(json.dumps(record).encode() + b"\n"))
    toy_story, matrix = movies(MovieLens(folder(tmp_path / "ml"), file))
    assert toy_story.overview == "Toys come to life."
    assert (toy_story.director, toy_story.actors) == ("John Lasseter", ("Tom Hanks", "Tim Allen"))
    assert (toy_story.runtime_minutes, toy_story.budget, toy_story.revenue) == (81, 30000000, None)
    assert toy_story.release_date == date(1995, 10, 30)
    assert toy_story.original_title is None
    assert toy_story.poster_url == "https://image.tmdb.org/t/p/w342/x.jpg"
    assert matrix.overview is None


def test_bom_and_crlf_are_no_matter(tmp_path: Path) -> None:
    texts = {
        name: "\ufeff" + text.replace("\n", "\r\n")
        for name, text in (
            ("movies", FILMS),
            ("ratings", RATINGS),
            ("links", LINKS),
            ("tags", TAGS),
        )
    }
    plain, odd = MovieLens(folder(tmp_path / "ml")), MovieLens(folder(tmp_path / "ml2", **texts))
    assert movies(odd) == movies(plain)
    assert ratings(odd) == ratings(plain)
    assert list(odd.tags()) == list(plain.tags())


def test_a_last_line_without_an_end(tmp_path: Path) -> None:
    assert ratings(MovieLens(folder(tmp_path, ratings=RATINGS.rstrip()))) == FOUND_RATINGS


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("x,1,4.0,1", "column userId: 'x' is not a whole number as"),
        ("1,,4.0,1", "column movieId: '' is no id"),
        ("1,1,good,1", "column rating: 'good' is not a number"),
        ("1,1,4.0,yesterday", "column timestamp: 'yesterday' is neither epoch seconds nor a time"),
        ("1,1,4.0,-5", "column timestamp: '-5' is neither epoch seconds nor a time"),
        ("1,1,4.0", "3 fields where 4 belong"),
        ("1,1,4.0,1,9", "5 fields where 4 belong"),
        ('1,1,"4.0,1', "quotes are wrong"),
        pytest.param(f"1,1,4.0,{'1' * 200_000}", "is neither epoch seconds", id="long"),
    ],
)
def test_a_bad_rating_is_named_by_line_and_column(tmp_path: Path, line: str, reason: str) -> None:
    source = MovieLens(folder(tmp_path, ratings=RATINGS + line + "\n1,1,5.0,3\n"))
    (message,) = rejected(source)
    assert message.startswith("ratings.csv, line 5")
    assert reason in message
    assert len(ratings(source)) == 4


def test_a_line_in_another_encoding_is_rejected(tmp_path: Path) -> None:
    place = folder(tmp_path)
    (place / "movies.csv").write_bytes(
        FILMS.encode() + "3,Amélie (2001),Romance\n".encode("latin-1")
    )
    *_, wrong = MovieLens(place).movies()
    assert isinstance(wrong, Rejected)
    assert (wrong.line, wrong.reason) == (4, "byte 5 is not UTF-8: save the file as UTF-8")


def test_utf_16_is_refused(tmp_path: Path) -> None:
    place = folder(tmp_path)
    (place / "movies.csv").write_bytes(FILMS.encode("utf-16"))
    with pytest.raises(LoadError, match="UTF-16"):
        MovieLens(place)


@pytest.mark.parametrize("name", ["movies.csv", "ratings.csv", "tags.csv"])
def test_an_empty_file_is_refused(tmp_path: Path, name: str) -> None:
    place = folder(tmp_path)
    (place / name).write_bytes(b"")
    with pytest.raises(LoadError, match=f"{name} is empty"):
        MovieLens(place)


def test_other_columns_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"movies.csv has no column title"):
        MovieLens(folder(tmp_path, movies="movieId,name,genres\n1,A,B\n"))


def test_a_folder_without_movielens_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="no MovieLens data set"):
        MovieLens(tmp_path)
    with pytest.raises(NotFoundError, match="There is no"):
        MovieLens(tmp_path / "absent")


def test_a_truncated_gzip_is_refused(tmp_path: Path) -> None:
    place = folder(tmp_path)
    (place / "ratings.csv").unlink()
    packed = gzip.compress(("userId,movieId,rating,timestamp\n" + "1,1,4.0,1\n" * 9999).encode())
    (place / "ratings.csv.gz").write_bytes(packed[:-20])
    with pytest.raises(LoadError, match="damaged or cut short"):
        list(MovieLens(place).ratings())


def test_a_truncated_zip_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "ml.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("ratings.csv", RATINGS)
    archive.write_bytes(archive.read_bytes()[:-30])
    with pytest.raises(LoadError, match="not a whole zip file"):
        MovieLens(archive)


def test_a_zip_with_a_damaged_member_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "ml.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("movies.csv", FILMS)
        packed.writestr("ratings.csv", RATINGS)
    archive.write_bytes(archive.read_bytes().replace(b"964982703", b"964982704"))
    with pytest.raises(LoadError, match="damaged or cut short"):
        list(MovieLens(archive).ratings())


@pytest.mark.parametrize("kind", ["gz", "zip"])
def test_bombs_are_refused(tmp_path: Path, kind: str) -> None:
    zeros = b"userId,movieId,rating,timestamp\n" + b"0" * (40 << 20)
    file = tmp_path / f"ratings.csv.{kind}"
    if kind == "gz":
        file.write_bytes(gzip.compress(zeros))
        data = DataFile(file)
    else:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr("ratings.csv", zeros)
        data = DataFile(file, "ratings.csv")
    with pytest.raises(LoadError, match="zip bomb"):
        read_all(data)


def test_more_than_the_largest_size_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", 2 << 20)
    (tmp_path / "big.csv").write_bytes(b"1,1,4.0,1\n" * 400_000)
    with pytest.raises(LoadError, match="unpacks to more than"):
        read_all(DataFile(tmp_path / "big.csv"))


def test_an_endless_line_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="a line longer than 4 MiB"):
        list(MovieLens(folder(tmp_path, ratings=RATINGS + "1" * (9 << 20))).ratings())


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="is a folder"):
        Table("shop", ratings=tmp_path)


# Files of one's own


def test_csv_of_your_own_with_a_mapping(tmp_path: Path) -> None:
    films = tmp_path / "films.csv"
    films.write_text(
        "Film ID,Name,Year,Genres,Runtime,Cast\n"
        "1,Heat,1995,Crime|Drama,170,Al Pacino|Robert De Niro\n"
    )
    scores = tmp_path / "scores.csv"
    scores.write_text(
        "when,customer,Film ID,stars,channel\n"
        "2020-05-01T12:00:00Z,42,1,4.5,web\n1588334400,43,1,3,app\n"
    )
    source = Table(
        "shop",
        movies=films,
        ratings=scores,
        columns={
            "movie_id": "Film ID",
            "title": "Name",
            "user_id": "customer",
            "rating": "stars",
            "rated_at": "when",
        },
    )
    (heat,) = movies(source)
    assert (heat.title, heat.year, heat.runtime_minutes) == ("Heat", 1995, 170)
    assert (heat.genres, heat.actors) == (("Crime", "Drama"), ("Al Pacino", "Robert De Niro"))
    assert ratings(source) == [[42, 1, 4.5, 1588334400], [43, 1, 3, 1588334400]]


def test_titles_are_split_where_there_is_no_year(tmp_path: Path) -> None:
    films = tmp_path / "films.csv"
    films.write_text('movie_id,title\n1,"Matrix, The (1999)"\n')
    (matrix,) = movies(Table("shop", movies=films))
    assert (matrix.title, matrix.year) == ("The Matrix", 1999)


def test_ratings_without_a_time_have_none(tmp_path: Path) -> None:
    scores = tmp_path / "scores.csv"
    scores.write_text("user_id,movie_id,rating\n1,1,4\n")
    assert rows(Table("shop", ratings=scores).ratings()) == [["1", "1", "4", "\\N"]]


def test_quoted_fields_over_several_lines(tmp_path: Path) -> None:
    films = tmp_path / "films.csv"
    films.write_text('movie_id,title,overview\n1,Heat,"Two\nlines"\n2,,x\n')
    heat, wrong = Table("shop", movies=films).movies()
    assert isinstance(heat, Movie)
    assert heat.overview == "Two\nlines"
    assert str(wrong) == "films.csv, line 4, column title: is empty"


def test_parquet_of_your_own(tmp_path: Path) -> None:
    films = tmp_path / "films.parquet"
    pl.DataFrame(
        {"movie_id": [1], "title": ["Heat"], "year": [1995], "genres": [["Crime", "Drama"]]}
    ).write_parquet(films)
    scores = tmp_path / "scores.parquet"
    pl.DataFrame(
        {
            "user_id": [1, 2],
            "movie_id": [1, 1],
            "rating": [4.5, 3.0],
            "rated_at": [datetime(2020, 5, 1, 12, tzinfo=UTC)] * 2,
        }
    ).write_parquet(scores)
    source = Table("shop", movies=films, ratings=scores)
    (heat,) = movies(source)
    assert (heat.title, heat.year, heat.genres) == ("Heat", 1995, ("Crime", "Drama"))
    assert ratings(source) == [[1, 1, 4.5, 1588334400], [2, 1, 3, 1588334400]]


def test_a_bad_row_of_parquet_is_named(tmp_path: Path) -> None:
    scores = tmp_path / "scores.parquet"
    pl.DataFrame(
        {"user_id": [1, -2, None], "movie_id": [1, 1, 1], "rating": [4.5, 3.0, 1.0]}
    ).write_parquet(scores)
    assert rejected(Table("shop", ratings=scores)) == [
        "scores.parquet, line 2, column user_id: '-2' is negative: ids count from 0",
        "scores.parquet, line 3, column user_id: '' is no id",
    ]


def test_damaged_parquet_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "scores.parquet"
    file.write_bytes(b"PAR1 and nothing else")
    with pytest.raises(LoadError, match="no whole Parquet file"):
        Table("shop", ratings=file)


def test_misuse_of_a_table_is_explained(tmp_path: Path) -> None:
    scores = tmp_path / "scores.csv"
    scores.write_text("person,movie_id,rating\n1,1,4\n")
    with pytest.raises(LoadError, match=r"has no column user_id; .* --column user_id=NAME\."):
        Table("shop", ratings=scores)
    with pytest.raises(MisuseError, match="no column colour to map"):
        Table("shop", ratings=scores, columns={"colour": "x"})
    with pytest.raises(MisuseError, match="No file"):
        Table("shop")
    with pytest.raises(NotFoundError, match="There is no file"):
        Table("shop", ratings=tmp_path / "absent.csv")


# Lines and blocks

COLUMNS = RatingColumns(0, 1, 2, 3, ["user_id", "movie_id", "rating", "rated_at"])


@given(
    st.lists(
        st.sampled_from(
            ["1,2,3.5,4", "10,20,0.5,964982703", "", "x,2,3,4", "1,2", ' 1,"2",3,4 ', "1,2,12345,4"]
        ),
        max_size=30,
    ),
    st.sampled_from(["\n", "\r\n"]),
)
def test_every_line_is_loaded_or_rejected_where_it_stands(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], end: str
) -> None:
    file = tmp_path_factory.mktemp("lines") / "ratings.csv"
    file.write_bytes("".join(line + end for line in ["h,h,h,h", *lines]).encode())
    places, count = LineMap(), 0
    wrong: list[int] = []
    for block in read_ratings(DataFile(file), Format(), COLUMNS):
        places.add(count, block.runs)
        count += block.rows
        wrong += [line.line for line in block.rejected]
    numbers = {
        kind: [
            at for at, line in enumerate(lines, 2) if (line in ("x,2,3,4", "1,2")) is kind and line
        ]
        for kind in (True, False)
    }
    assert wrong == numbers[True]
    assert [places.line(row + 1) for row in range(count)] == numbers[False]


@given(st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1)))
def test_times_are_read_as_utc(time: datetime) -> None:
    assert float(parse_time(time.isoformat(), "t")) == pytest.approx(
        time.replace(tzinfo=UTC).timestamp(), abs=1e-5
    )


@given(st.text(max_size=20))
def test_any_text_is_a_time_or_a_field_error(text: str) -> None:
    with contextlib.suppress(FieldError):
        assert float(parse_time(text, "rated_at")) >= 0
