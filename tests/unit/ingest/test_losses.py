"""Nothing is lost, altered or invented without a word while files are read."""

import contextlib
import os
import threading
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.arrivals import arrivals
from ingest.fields import (
    FieldError,
    parse_id,
    parse_key,
    parse_minutes,
    parse_money,
    parse_names,
    parse_number,
    parse_number_id,
    parse_user,
    parse_year,
)
from ingest.files import DataFile
from ingest.layouts import recognise
from ingest.lines import Format
from ingest.mapping import Holds
from ingest.ratings import take_clean_block
from ingest.rows import Movie, Rejected
from ingest.scales import parse_scale, parse_score
from ingest.sniff import sniff
from ingest.sources.describing import describe
from ingest.sources.movielens import MovieLens
from ingest.sources.table import Table
from ingest.times import parse_day, parse_time
from palate.errors import LoadError, MisuseError

FILMS = "movie_id,title,year\n1,Heat,1995\n2,Alien,1979\n"


def films(folder: Path, text: str) -> Table:
    (folder / "films.csv").write_text(text, encoding="utf-8")
    return Table("shop", movies=folder / "films.csv")


def only(table: Table) -> Movie:
    (found,) = table.movies()
    assert isinstance(found, Movie), found
    return found


# What can be read only once


def _write_all(descriptor: int, data: bytes) -> None:
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["fifo", "descriptor"])
def test_a_pipe_is_read_whole(tmp_path: Path, kind: str) -> None:
    text = "user_id,movie_id,rating\n" + "".join(f"{i},1,4\n" for i in range(120_000))
    if kind == "fifo":
        place = tmp_path / "ratings"
        os.mkfifo(place)
        writer = threading.Thread(target=place.write_text, args=(text,))
    else:
        reading, writing = os.pipe()
        place = Path(f"/dev/fd/{reading}")
        writer = threading.Thread(target=_write_all, args=(writing, text.encode()))
    writer.start()
    with arrivals() as arriving:
        source = Table("shop", ratings=arriving.take(place, "ratings"))
        assert source.digest() == source.digest()
        assert sum(block.rows for block in source.ratings()) == 120_000
    writer.join()
    if kind == "descriptor":
        os.close(reading)


# Columns


def test_a_mapped_column_that_no_file_has_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "films.csv").write_text(FILMS)
    with pytest.raises(LoadError, match=r"No column is called 'Länge' in films\.csv"):
        Table("shop", movies=tmp_path / "films.csv", columns={"runtime_minutes": "Länge"})


def test_columns_that_nothing_is_read_from_are_said(tmp_path: Path) -> None:
    table = films(tmp_path, "movie_id,title,year,colour,Title\n1,Heat,1995,blue,HEAT\n")
    list(table.movies())
    assert list(table.notes.texts()) == ["films.csv: not used: colour, Title."]


def test_metadata_and_links_of_no_film_are_said(tmp_path: Path) -> None:
    (tmp_path / "movies.csv").write_text("movieId,title,genres\n1,Heat (1995),Crime\n")
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,1,4,5\n")
    (tmp_path / "links.csv").write_text("movieId,imdbId,tmdbId\n1,1,949\n7,2,950\n")
    (tmp_path / "genome.csv").write_text("a\n")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "facts.jsonl").write_text('{"tmdb_id": 5}\n{"tmdb_id": 5}\n')
    source = MovieLens(tmp_path, tmp_path / "more" / "facts.jsonl")
    list(source.movies())
    said = "\n".join(source.notes.texts())
    for part in ("not read: genome.csv", "list of films: 1 (first: 7)", "not here: 1 (first: tmdb"):
        assert part in said
    assert "second record of a film, which replaces the first: 1" in said


# Fields


@pytest.mark.parametrize(
    "cell",
    [
        "Drama|War",
        '["Drama", "War"]',
        "['Drama', 'War']",
        '[{"id": 18, "name": "Drama"}, {"id": 2, "name": "War"}]',
        "[{'id': 18, 'name': 'Drama'}, {'id': 2, 'name': 'War', 'x': None}]",
    ],
)
def test_lists_of_json_and_python_are_lists(cell: str) -> None:
    assert parse_names(cell, "genres") == ("Drama", "War")


@given(st.text(max_size=60))
def test_any_cell_is_a_list_or_a_field_error(cell: str) -> None:
    with contextlib.suppress(FieldError):
        assert all(name.strip() for name in parse_names(f"[{cell}]", "genres"))


def test_the_separator_is_that_of_the_genres(tmp_path: Path) -> None:
    heat = only(films(tmp_path, 'movie_id,title,year,genres\n1,Heat,1995,"Crime, Drama"\n'))
    assert heat.genres == ("Crime", "Drama")


def test_the_year_comes_from_the_release_date(tmp_path: Path) -> None:
    assert only(films(tmp_path, "movie_id,title,release_date\n1,Heat,1995-12-15\n")).year == 1995


@pytest.mark.parametrize(
    "title", ["Frozen (Sing-Along)", "Alien (Director's Cut)", "Brazil (Part 1)"]
)
def test_parentheses_stay_where_there_is_no_year(tmp_path: Path, title: str) -> None:
    heat = only(films(tmp_path, f"movie_id,title\n1,{title}\n"))
    assert (heat.title, heat.original_title) == (title, None)


def test_a_bad_optional_field_is_empty_and_counted(tmp_path: Path) -> None:
    header = "movie_id,title,year,runtime,release_date,tmdb_id,budget\n"
    table = films(tmp_path, f"{header}1,Heat,-720,0,soon,x,-5\n2,Alien,1979,97.5,,,0\n")
    heat, alien = (row for row in table.movies() if isinstance(row, Movie))
    assert (heat.title, heat.year, heat.runtime_minutes, heat.budget) == ("Heat", None, None, None)
    assert (alien.runtime_minutes, alien.budget) == (98, None)
    assert list(table.notes.texts()) == [
        "films.csv: column year left empty: 1 (first: line 2: -720 is no year of a film "
        "(1870 to 2200)).",
        "films.csv: column tmdb_id left empty: 1 (first: line 2: 'x' is not a whole number).",
        "films.csv: column runtime left empty: 1 (first: line 2: '0' is not between 1 and 6000 "
        "minutes).",
        "films.csv: column release_date left empty: 1 (first: line 2: 'soon' is not a date such "
        "as 2001-12-19).",
        "films.csv: column budget left empty: 1 (first: line 2: '-5' is no amount).",
    ]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("20200501", "1588291200"),
        ("2020-05-01T12:00:00Z", "1588334400"),
        ("1588334400", "1588334400"),
        ("1588334400123", "1588334400.123"),
        ("1588334400123456", "1588334400.123456"),
        ("2018-07-07 22:09:11", "1531001351"),
        ("31 Jan 2021 18:59", "1612119540"),
        ("Fri, 01 May 2020 12:00:00 +0000", "1588334400"),
        ("2020/05/01", "1588291200"),
        ("1.5.2020", "1588291200"),
        ("01.05.2020 12:00", "1588334400"),
        ("May 1, 2020", "1588291200"),
        ("05/13/2020", "1589328000"),
        ("13/05/2020 00:00", "1589328000"),
    ],
)
def test_times_in_the_forms_that_people_have(text: str, seconds: str) -> None:
    assert parse_time(text, "when") == seconds


def test_eight_digits_are_a_date_in_a_block_of_lines_too() -> None:
    assert take_clean_block(b"1,2,4.5,20200501\n", 1) is None
    with pytest.raises(FieldError, match="is neither epoch seconds nor a time"):
        parse_time("20201399", "when")


def test_ids_go_as_far_as_the_database() -> None:
    assert parse_id("9223372036854775807", "id") == 2**63 - 1
    assert parse_id("12.0", "id") == 12
    assert [parse_key(text, "id") for text in ("7", "007", "tt01", "042518630X")] == [
        7, "007", "tt01", "042518630X",
    ]  # fmt: skip
    assert [parse_user(text, "id") for text in ("7", "007", "Ann Lee")] == [7, "007", "Ann Lee"]


@pytest.mark.parametrize(
    ("read", "text", "reason"),
    [
        (parse_id, "-720", "is negative: ids count from 0"),
        (parse_id, "9223372036854775808", "is beyond 9223372036854775807, the largest id"),
        (parse_id, "4.5", "is not a whole number"),
        (parse_user, "+7", "is no user's id"),
        (parse_user, "a/b", "is no user's id"),
        (parse_user, "a  b", "is no user's id"),
        (parse_key, "a\udfff", "holds half a character"),
        (parse_key, "a\0", "holds a NUL character"),
        (parse_names, r'["Dr\ud800ama", "War"]', "holds half a character"),
        (parse_year, "12019", "12019 is no year of a film"),
        (parse_minutes, "7000", "is not between 1 and 6000 minutes"),
        (parse_money, "10" * 20, "is not a number"),
        (parse_money, "1.234", "'1.234' may be 1.234 or 1234: write it without a point"),
        (parse_id, "32.000", "may be 32 or 32000"),
        (parse_number_id, "0618260307", "loses its zeros: text_ids of a mapping keeps them"),
        (parse_time, "43964", "looks like 2020-05-13 as spreadsheets count"),
        (parse_time, "2020", "looks like a year"),
        (parse_time, "05/06/2020", "may be two days: say which by --date-format"),
        (parse_day, "5/6/2020", "may be two days"),
        (parse_day, "45/46/2020", "is not a date"),
    ],
)
def test_the_reason_is_the_right_one(read, text: str, reason: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(FieldError, match=reason):
        read(text, "column")


@pytest.mark.parametrize(
    ("text", "number"),
    [("4,5", 4.5), ("1234,56", 1234.56), ("1.234,5", 1234.5), ("1,234.5", 1234.5),
     ("1.234.567", 1234567), ("63,000,000", 63000000), ("3.875", 3.875)],
)  # fmt: skip
def test_numbers_as_german_and_english_write_them(text: str, number: float) -> None:
    assert float(parse_number(text, "n")) == number


@pytest.mark.parametrize(
    ("text", "amount"),
    [("12,5", 12), ("1234,56", 1235), ("63,000", 63000), ("$1,234.50", 1234), ("5000.0", 5000)],
)  # fmt: skip
def test_amounts(text: str, amount: int) -> None:
    assert parse_money(text, "budget") == amount


def test_a_director_written_as_an_object(tmp_path: Path) -> None:
    (tmp_path / "films.jsonl").write_text(
        '{"movie_id": 1, "title": "Heat", "director": {"name": "Michael Mann"}}\n'
    )
    assert only(Table("shop", movies=tmp_path / "films.jsonl")).director == "Michael Mann"


def test_genres_parted_in_two_ways_are_said(tmp_path: Path) -> None:
    table = films(tmp_path, 'movie_id,title,genres\n1,Heat,Crime|War\n2,Up,"Comedy; Drama"\n')
    list(table.movies())
    assert list(table.notes.texts()) == [
        "films.csv: column genres not parted by | alone, kept as it is (--separator any parts by "
        "| ; , and ' / '): 1 (first: line 3: 'Comedy; Drama')."
    ]


def test_one_id_with_zeros_makes_texts_of_a_loads_film_ids(tmp_path: Path) -> None:
    numbers = "".join(f"{9780000000 + n},Book {n},2000\n" for n in range(59))
    (tmp_path / "books.csv").write_text(f"isbn,title,year\n{numbers}0618260307,Hobbit,1937\n")
    (tmp_path / "stars.csv").write_text("user_id,isbn,rating\n" + "1,9780000001,4\n" * 1100 +
                                        "1,0618260307,5\n")  # fmt: skip
    table = Table("books", movies=tmp_path / "books.csv", ratings=tmp_path / "stars.csv")
    *_, hobbit = table.movies()
    assert isinstance(hobbit, Movie)
    assert hobbit.movie_id == "0618260307"
    (block,) = table.ratings()
    assert (block.keyed_rows, block.rejected) == (1, [])


def test_what_spreadsheets_write_to_keep_a_text_is_left_out(tmp_path: Path) -> None:
    text = 'movie_id,title\n"=""0618260307""",Hobbit\n"=""""",Nameless\n'
    hobbit, nameless = films(tmp_path, text).movies()
    assert isinstance(hobbit, Movie)
    assert hobbit.movie_id == "0618260307"
    assert isinstance(nameless, Rejected)


def test_a_very_long_text_is_left_empty(tmp_path: Path) -> None:
    table = films(tmp_path, f"movie_id,title,overview\n1,Heat,{'x' * 300_000}\n")
    assert only(table).overview is None
    assert any("is longer than 100,000 characters" in note for note in table.notes.texts())


@pytest.mark.parametrize("hours", ["1,234.5", "3"])
def test_counts_with_thousands(hours: str) -> None:
    stars = parse_scale("counts").stars
    assert stars is not None
    assert float(stars(hours, "hours")) >= 3.0
    with pytest.raises(FieldError, match="--unrated 0 leaves it out"):
        stars("0", "hours")


@pytest.mark.parametrize(
    ("scores", "hint"),
    [
        ("9 7 10", "10 is the highest: --scale 1-10 may be meant"),
        ("0 8", "8 is the highest: --scale 0-10 may be meant"),
        ("9 3 85", "85 is the highest: --scale 0-100 may be meant"),
        ("0 4", "--unrated leaves such lines out"),
        ("great 3", "'great' is not a number; --scale says what words count"),
        ("8/10 3", "'8/10' is out of 10: --scale 1-10 may be meant"),
        ("80% 3", "'80%' is out of 100: --scale 0-100 may be meant"),
    ],
)
def test_inspect_suggests_a_scale(tmp_path: Path, scores: str, hint: str) -> None:
    lines = "".join(f"{n},1,{score}\n" for n, score in enumerate(scores.split()))
    (tmp_path / "stars.csv").write_text(f"user_id,movie_id,rating\n{lines}")
    (part,) = Table("shop", ratings=tmp_path / "stars.csv").parts
    assert hint in " ".join(part.sample(10)[1].texts())


@pytest.mark.parametrize("address", ["javascript:alert(1)", "file:///etc/passwd", "poster.jpg"])
def test_what_is_no_address_of_a_poster_is_left_empty(tmp_path: Path, address: str) -> None:
    source = films(
        tmp_path, f"movie_id,title,poster\n1,Heat,{address}\n2,Alien,https://a.b/c.jpg\n"
    )
    assert [film.poster_url for film in source.movies() if isinstance(film, Movie)] == [
        None,
        "https://a.b/c.jpg",
    ]
    assert any("column poster left empty: 1" in note for note in source.notes.texts())


def test_half_a_character_in_json_costs_its_own_line(tmp_path: Path) -> None:
    scores, films = tmp_path / "scores.jsonl", tmp_path / "films.json"
    line = '{{"user_id": "{}", "movie_id": 1, "rating": 4}}\n'
    scores.write_text(line.format("ann") + line.format(r"b\ud800b"))
    films.write_text(r'[{"id": "a1", "title": "Ok"}, {"id": "a2\udfff", "title": "Bad"}]')
    source = Table("shop", movies=films, ratings=scores)
    (block,) = source.ratings()
    assert (block.keyed_rows, [line.line for line in block.rejected]) == (1, [2])
    film, refused = source.movies()
    assert isinstance(film, Movie)
    assert str(refused) == "films.json, line 2, column id: holds half a character"
    assert [part.sample(10)[0] for part in source.parts] == [1, 1]  # as inspect says


def test_an_id_that_is_none_among_numbers_is_refused(tmp_path: Path) -> None:
    scores = tmp_path / "scores.csv"
    lines = [f"{user},1,4\n" for user in range(50)]
    scores.write_text("user_id,movie_id,rating\n" + "".join(lines) + "x7,1,4\n")
    (block,) = Table("shop", ratings=scores).ratings()
    assert [str(line) for line in block.rejected] == [
        "scores.csv, line 52, column user_id: 'x7' is not a whole number as the other ids are"
    ]


# Quotes and cut files


def test_a_quote_that_is_never_closed_costs_its_own_line(tmp_path: Path) -> None:
    lines = [f"{film},Film {film},1999\n" for film in range(3, 3000)]
    text = FILMS + '9999,"Open,1999\n' + "".join(lines) + '9998,"Closed, well",2000\n'
    found = list(films(tmp_path, text).movies())
    wrong = [row for row in found if isinstance(row, Rejected)]
    assert [(row.line, row.text) for row in wrong] == [(4, '9999,"Open,1999')]
    assert len(found) == 3001


def test_a_file_of_single_quotes_is_read_in_time(tmp_path: Path) -> None:
    text = "movie_id,title,year\n" + "".join(f'{film},"x,1999\n' for film in range(20_000))
    (tmp_path / "films.csv").write_text(text)
    part = describe({"movies": [DataFile(tmp_path / "films.csv")]}, {})
    rows = list(Table("shop", parts=part).movies())
    assert all(isinstance(row, Rejected) for row in rows)
    assert len(rows) == 20_000


def test_a_last_line_without_an_end_is_said(tmp_path: Path) -> None:
    table = films(tmp_path, FILMS + "3,Braz")
    assert len(list(table.movies())) == 2 + 1
    assert "its last line has no end" in next(table.notes.texts())


def test_a_cut_json_list_is_refused(tmp_path: Path) -> None:
    (tmp_path / "films.json").write_text('[{"movie_id": 1, "title": "Heat"}, {"movie_id": 2, "ti')
    with pytest.raises(LoadError, match=r"cut short at its 2\. object"):
        Table("shop", movies=tmp_path / "films.json")


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("ratings.csv", "ratings.csv.gz"):
        (tmp_path / name).write_text("x")
    with pytest.raises(LoadError, match=r"holds both ratings\.csv and ratings\.csv\.gz"):
        MovieLens(tmp_path)


# How files are written


@pytest.mark.parametrize(
    ("data", "style"),
    [
        (b"a,b\n1,2\n", Format(",", quoting=True)),
        ("ä;b\n1;2,5\n2;3,5\n".encode("latin-1"), Format(";", "cp1252", quoting=True)),
        ("ä\tb\n1\t2\n".encode(), Format("\t", quoting=False)),
        (b"1::2::5\n", Format("::", header=False, quoting=False)),
        ("a,b\n1,ü\n".encode("utf-16"), Format(",", "utf-16", quoting=True)),
        (b'"a";"b"\n"1";"x \\"y\\""\n', Format(";", quoting=True, escape=True)),
        (b"movie_id,title,title,year\n1,Heat,HEAT,1995\n", Format(",", quoting=True)),
        (b"movie_id,title,genres,,\n1,Heat,Crime,,\n", Format(",", quoting=True)),
        (b'Title,Date\n"Show: One","1/2/20"\n', Format(",", quoting=True)),
        (b"sep=;\r\nuser_id;movie_id;rating\r\n1;1;4,5\r\n", Format(";", quoting=True)),
        (b'{"a": 1}\n', Format(kind="json lines")),
        (b'[{"a": 1}]', Format(kind="json")),
    ],
)  # fmt: skip
def test_how_a_file_is_written_is_seen(tmp_path: Path, data: bytes, style: Format) -> None:
    (tmp_path / "file").write_bytes(data)
    assert sniff(DataFile(tmp_path / "file")) == style


@pytest.mark.parametrize("first", ["sep=,\n", "# exported today\n", "# one\n# two\n"])
def test_lines_before_the_header_are_left_out(tmp_path: Path, first: str) -> None:
    (tmp_path / "stars.csv").write_text(f"{first}user_id,movie_id,rating\n1,1,4\n1,2,x\n")
    (block,) = Table("shop", ratings=tmp_path / "stars.csv").ratings()
    assert (block.rows, block.rejected[0].line) == (1, 3 + first.count("\n"))


@pytest.mark.parametrize("data", [b"\n\n\n", b" \r\n", b"\xef\xbb\xbf\n"])
def test_a_file_of_blank_lines_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "blank.csv").write_bytes(data)
    with pytest.raises(LoadError, match=r"blank\.csv holds nothing but blank lines"):
        sniff(DataFile(tmp_path / "blank.csv"))


def test_a_few_wrong_bytes_do_not_make_utf_8_another_encoding(tmp_path: Path) -> None:
    text = "movie_id,title,year\n" + "1,Amélie,2001\n" * 5
    (tmp_path / "films.csv").write_bytes(text.encode() + "6,Café,1999\n".encode("latin-1"))
    *_, wrong = Table("shop", movies=tmp_path / "films.csv").movies()
    assert str(wrong) == "films.csv, line 7: byte 6 is not UTF-8: save the file as UTF-8"


# Scales


@pytest.mark.parametrize(
    ("scale", "score", "stars"),
    [
        ("1-10", "10", "5"), ("1-10", "1", "0.5"), ("0-100", "50", "2.75"), ("thumbs", "Up", "4.5"),
        ("1-10", "10/10", "5"), ("0-100", "50%", "2.75"), ("thumbs", "👍", "4.5"),
        ("thumbs", "0", "1"), ("counts", "1", "3"), ("counts", "4", "4"), ("counts", "999", "5"),
        ("view=3,buy=5", "buy", "5"),
    ],
)  # fmt: skip
def test_scores_become_stars(scale: str, score: str, stars: str) -> None:
    found = parse_scale(scale)
    assert found.stars is not None
    assert found.stars(score, "rating") == stars


@pytest.mark.parametrize(
    ("score", "stars"),
    [
        ("4/5", "4"), ("4,5 / 5", "4.5"), ("5.0 out of 5 stars", "5.0"), ("3 stars", "3"),
        ("1 star", "1"), ("★★★★½", "4.5"), ("★★☆☆☆", "2"), ("⭐️⭐️⭐️", "3"), ("½", "0.5"),
    ],
)  # fmt: skip
def test_a_score_may_say_what_it_is_out_of(score: str, stars: str) -> None:
    assert parse_score(score, "rating") == stars


@pytest.mark.parametrize("scale", ["stars", "5-1", "view=9", "view="])
def test_what_is_no_scale_is_refused(scale: str) -> None:
    with pytest.raises(MisuseError, match="--scale"):
        parse_scale(scale)


def test_a_score_off_the_scale_is_refused_and_an_unrated_one_counted(tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text("user_id,movie_id,rating\n1,1,11\n1,2,-1\n1,3,8\n")
    part = describe({"ratings": [DataFile(tmp_path / "scores.csv")]}, {}, None, "1-10", "-1")
    table = Table("shop", parts=part)
    (block,) = table.ratings()
    assert block.data == b"1,3,4,\\N\n"
    assert [line.reason for line in block.rejected] == ["11 is not on the scale from 1-10"]
    assert list(table.notes.texts()) == [
        "scores.csv: seen without a rating (-1), left out: 1 (first: line 3)."
    ]


def test_whose_ratings_they_are_is_asked(tmp_path: Path) -> None:
    (tmp_path / "stars.csv").write_text("movie_id,rating\n1,4\n")
    with pytest.raises(LoadError, match="say whose with --user NAME"):
        Table("shop", ratings=tmp_path / "stars.csv")


def test_a_file_of_movielens_100k_names_the_command_for_it(tmp_path: Path) -> None:
    (tmp_path / "u.data").write_text("1\t1\t4\t978300760\n")
    (_, reason), *_ = recognise([DataFile(tmp_path / "u.data")]).unread
    assert reason == "`palate ingest movielens FOLDER` reads MovieLens 100K"


def test_a_column_may_be_both_id_and_title(tmp_path: Path) -> None:
    (tmp_path / "films.csv").write_text("Title,Year\nHeat,1995\n")
    source = Table("shop", movies=tmp_path / "films.csv", columns={"movie_id": "Title"})
    assert (only(source).movie_id, only(source).title) == ("Heat", "Heat")


def test_films_may_be_told_by_another_id_in_the_first_column(tmp_path: Path) -> None:
    (tmp_path / "films.csv").write_text("imdb_id,title\ntt0113277,Heat\n")
    (tmp_path / "links.csv").write_text("movie_id,imdb_id\n6,tt0113277\n")
    files: dict[Holds, str] = {"movies": "films.csv", "facts": "links.csv"}
    parts = describe({kind: [DataFile(tmp_path / name)] for kind, name in files.items()}, {})
    assert only(Table("shop", parts=parts)).imdb_id == "tt0113277"


def test_columns_that_are_named_help_to_make_out_a_file(tmp_path: Path) -> None:
    (tmp_path / "filme.csv").write_text("Nummer;Titel;Jahr\n1;Heat;1995\n")
    columns = {"movie_id": "Nummer", "title": "Titel", "year": "Jahr"}
    ((_, part),) = recognise([DataFile(tmp_path / "filme.csv")], columns=columns).parts
    assert (part.holds, part.columns) == ("movies", columns)
    with pytest.raises(LoadError, match="No column is called 'Land'"):
        recognise([DataFile(tmp_path / "filme.csv")], columns={**columns, "genres": "Land"})


def test_what_a_file_lacks_is_said(tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text("shopper,film,score\n1,1,4\n")
    (_, reason), *_ = recognise([DataFile(tmp_path / "scores.csv")]).unread
    assert reason == "to hold ratings it lacks user_id; it has shopper, film, score"
    (tmp_path / "mine.csv").write_text("Titel;Jahr;Bewertung\nJaws;1975;4,5\n")
    (_, reason), *_ = recognise([DataFile(tmp_path / "mine.csv")]).unread
    assert "palate ingest events" in reason
    assert "--type rated --user NAME" in reason


def test_dates_of_releases(tmp_path: Path) -> None:
    heat = only(films(tmp_path, "movie_id,title,release_date\n1,Heat,1995-12-15T00:00:00Z\n"))
    assert heat.release_date == date(1995, 12, 15)


@pytest.mark.parametrize("address", ["postgresql://ann@h/db?secret=hush", "mysql://ann:hush@h/db"])
def test_what_is_no_address_is_not_quoted_for_it_may_hold_a_password(address: str) -> None:
    with pytest.raises(MisuseError, match="is no address") as refused, arrivals(address):
        pass
    assert "hush" not in str(refused.value)
