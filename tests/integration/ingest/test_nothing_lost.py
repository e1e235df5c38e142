"""Nothing is lost, altered or invented without a word on the way into the tables."""

import os
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ingest.load import load
from ingest.sources.table import Table
from palate.errors import ConflictError, LoadError
from sql.database import Database
from tests.integration.ingest.test_layouts import files as files
from tests.integration.ingest.test_layouts import run
from tests.integration.ingest.test_load import contents, rows, write

FILMS = "movie_id,title,year\n1,Heat,1995\n2,Alien,1979\n"
RATED = "SELECT user_id, movie_id, rating FROM ratings ORDER BY 1, 2"


def shop(folder: Path, ratings: str, films: str | None = FILMS) -> Table:
    (folder / "films.csv").write_text(films or "")
    (folder / "stars.csv").write_text(ratings)
    return Table(
        "shop", movies=folder / "films.csv" if films else None, ratings=folder / "stars.csv"
    )


def test_of_two_ratings_the_newer_counts(database: Database, tmp_path: Path) -> None:
    ratings = "user_id,movie_id,rating,rated_at\n1,1,2,200\n1,1,5,100\n1,2,1,9\n1,2,3,9\n"
    report = load(database, shop(tmp_path, ratings))
    assert rows(database, RATED) == [(1, 1, 2.0), (1, 2, 3.0)]
    assert report.notes == (
        "stars.csv: earlier rating of the same film by the same user, left out: 2 (first: 1 stars "
        "of user 1 for film 2).",
    )


@pytest.mark.parametrize("others", ["", "ann,1,4\n"])
def test_a_user_with_zeros_before_a_number_is_another(
    database: Database, tmp_path: Path, others: str
) -> None:
    load(database, shop(tmp_path, f"user_id,movie_id,rating\n{others}007,2,5\n7,2,1\n"))
    stars = "SELECT rating FROM ratings WHERE user_id = user_named('{}')"
    assert (rows(database, stars.format("007")), rows(database, stars.format("7"))) == (
        [(5.0,)], [(1.0,)],
    )  # fmt: skip


def test_ratings_without_a_time_replace_none_that_has_one(
    database: Database, tmp_path: Path
) -> None:
    ratings = "user_id,movie_id,rating\n1,1,2\n1,2,2\n"
    load(database, shop(tmp_path, ratings))
    before = rows(database, "SELECT rated_at FROM ratings")
    write(database, "UPDATE ratings SET rating = 5, rated_at = now() WHERE movie_id = 1")
    os.utime(tmp_path / "stars.csv")
    assert load(database, shop(tmp_path, ratings), again=True).changed == 0
    assert load(database, shop(tmp_path, ratings.replace("1,2,2", "1,2,4"))).changed == 1
    assert rows(database, RATED) == [(1, 1, 5.0), (1, 2, 4.0)]
    assert rows(database, "SELECT rated_at FROM ratings WHERE movie_id = 2") == before[:1]


def test_a_rating_with_a_time_replaces_one_without_and_no_newer_one(
    database: Database, tmp_path: Path
) -> None:
    load(database, shop(tmp_path, "user_id,movie_id,rating\n1,1,4\n"))
    dated = "user_id,movie_id,rating,rated_at\n1,1,2,2020-01-01\n"
    assert load(database, shop(tmp_path, dated)).changed == 1
    assert rows(database, RATED) == [(1, 1, 2.0)]
    older = shop(tmp_path, dated.replace("1,1,2,2020", "1,1,5,2019"))
    foretold, done = load(database, older, dry_run=True), load(database, older)
    assert rows(database, RATED) == [(1, 1, 2.0)]
    said = "stars.csv: rating older than the one that is here, left out: 1 (first: 5 stars of "
    assert foretold.notes == done.notes == (f"{said}user 1 for film 1).",)


def test_a_dry_run_names_no_file_that_it_does_not_write(database: Database, tmp_path: Path) -> None:
    wrong = shop(tmp_path, "user_id,movie_id,rating\n1,1,20\n")
    with pytest.raises(LoadError, match=r"--scale 0-100 may be meant") as refused:
        load(database, wrong, dry_run=True)
    assert "-rejected.csv" not in str(refused.value)
    some = shop(tmp_path, "user_id,movie_id,rating\n1,1,20\n1,2,4\n")
    assert load(database, some, dry_run=True).rejects is None


def test_the_scale_that_is_said_goes_before_that_of_a_mapping(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "films.csv").write_text(FILMS)
    (tmp_path / "stars.csv").write_text("user_id,movie_id,rating\n1,1,10\n")
    run(database, tmp_path, monkeypatch, "ingest inspect films.csv stars.csv --write map.json")
    assert '"scale": "0.5-5"' in (tmp_path / "map.json").read_text()
    for how in ("--mapping map.json", "films.csv stars.csv"):
        run(database, tmp_path, monkeypatch, f"ingest table {how} --scale 1-10 --replace")
        assert rows(database, RATED) == [(1, 1, 5.0)]


def test_a_file_of_which_every_line_is_refused_is_no_success(
    database: Database, tmp_path: Path
) -> None:
    load(database, shop(tmp_path, "user_id,movie_id,rating\n1,1,2\n"))
    before, rejects = contents(database), tmp_path / "rejects.csv"
    wrong = shop(tmp_path, "user_id,movie_id,rating\n1,1,20\n2,1,30\n")
    with pytest.raises(LoadError, match=r"Every line of stars.csv was refused, 2 of them"):
        load(database, wrong, replace=True, on_error="skip", rejects=rejects)
    assert contents(database) == before
    assert len(rejects.read_text().splitlines()) == 3
    load(database, shop(tmp_path, "user_id,movie_id,rating\n1,1,3\n"), rejects=rejects)
    assert not rejects.exists()


def test_rejects_are_the_lines_that_were_refused_whole(database: Database, tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.csv"
    ratings = 'user_id,movie_id,rating,rated_at\n1,1,4,5\n\n"1",9,4.50,0100\n1,2,9.0,5\n2,2,4,5\n'
    load(database, shop(tmp_path, ratings), on_error="skip", rejects=rejects)
    assert rejects.read_text().splitlines()[1:] == [
        'stars.csv,4,movie_id,film 9 is unknown,"""1"",9,4.50,0100"',
        "stars.csv,5,rating,9 is not on the scale from 0.5 to 5; 9 is the highest: --scale 1-10 "
        'may be meant,"1,2,9.0,5"',
    ]


def test_the_largest_ids_are_loaded(database: Database, tmp_path: Path) -> None:
    largest = 2**63 - 1
    films = f"movie_id,title,year\n{largest},Heat,1995\n"
    ratings = f"user_id,movie_id,rating\n{largest - 1},{largest},4\n"
    load(database, shop(tmp_path, ratings, films))
    assert rows(database, RATED) == [(largest - 1, largest, 4.0)]


def test_a_bad_field_does_not_cost_the_film_and_its_ratings(
    database: Database, tmp_path: Path
) -> None:
    films = "movie_id,title,year,runtime\n1,Heat,-720,97.5\n"
    load(database, shop(tmp_path, "user_id,movie_id,rating\n1,1,4\n", films))
    assert rows(database, "SELECT title, year, runtime_minutes FROM movies") == [("Heat", None, 98)]
    assert rows(database, RATED) == [(1, 1, 4.0)]


def test_text_ids_are_kept_and_the_same_at_every_load(database: Database, tmp_path: Path) -> None:
    films = "movie_id,title,year\ntt01,Heat,1995\ntt02,Alien,1979\n"
    ratings = "user_id,movie_id,rating,rated_at\nann,tt01,4,10\nbob,tt02,3,10\n"
    load(database, shop(tmp_path, ratings, films))
    query = (
        "SELECT n.name, m.item_id, r.rating FROM ratings r JOIN user_names n USING (user_id)"
        " JOIN movies m USING (movie_id) ORDER BY 1, 2"
    )
    ids = rows(database, "SELECT movie_id, item_id FROM movies ORDER BY 1")
    assert rows(database, query) == [("ann", "tt01", 4.0), ("bob", "tt02", 3.0)]
    load(database, shop(tmp_path, ratings + "ann,tt02,1,11\n", films=None))
    assert rows(database, query)[1] == ("ann", "tt02", 1.0)
    load(database, shop(tmp_path, ratings, films + "tt03,Up,2009\n"), replace=True)
    assert rows(database, query) == [("ann", "tt01", 4.0), ("bob", "tt02", 3.0)]
    assert rows(database, "SELECT movie_id, item_id FROM movies ORDER BY 1")[:2] == ids


def test_what_the_files_no_longer_have_goes_on_request_within_a_limit(
    database: Database, tmp_path: Path
) -> None:
    films = FILMS + "".join(f"{film},Film {film},2000\n" for film in range(3, 21))
    ratings = "user_id,movie_id,rating,rated_at\n" + "".join(f"1,{n},4,{n}\n" for n in range(1, 21))
    load(database, shop(tmp_path, ratings, films))
    write(database, "INSERT INTO ratings (user_id, movie_id, rating) VALUES (5, 3, 2)")
    before = contents(database)
    with pytest.raises(ConflictError, match=r"19 of the 20 films here are not in the files"):
        load(
            database,
            shop(tmp_path, "user_id,movie_id,rating\n1,1,4\n", FILMS.replace("2,Alien,1979\n", "")),
            missing_share=0.1,
        )
    assert contents(database) == before
    fewer = shop(
        tmp_path,
        ratings.replace("1,20,4,20\n", "").replace("1,1,4,1\n", ""),
        films.replace("20,Film 20,2000\n", ""),
    )
    report = load(database, fewer, missing_share=0.1)
    assert report.gone == 2
    assert rows(database, "SELECT count(*), max(movie_id) FROM movies") == [(19, 19)]
    assert rows(database, "SELECT count(*), count(*) FILTER (WHERE user_id = 5) FROM ratings") == [
        (19, 1)
    ]


def test_facts_complete_films_by_any_id(database: Database, tmp_path: Path) -> None:
    films = "movie_id,title,year,imdb_id,tmdb_id\n1,Heat,1995,tt0113277,\n2,Alien,1979,,348\n"
    load(database, shop(tmp_path, "user_id,movie_id,rating\n1,1,4\n", films))
    facts = tmp_path / "facts.csv"
    facts.write_text(
        "movie_id,imdb_id,tmdb_id,overview,director\n,0113277,,Cops.,Mann\n,,348,Space.,\n9,,,x,y\n"
    )
    from ingest.files import DataFile
    from ingest.sources.describing import describe

    report = load(database, Table("shop", parts=describe({"facts": [DataFile(facts)]}, {})))
    assert rows(
        database, "SELECT title, year, overview, director FROM movies ORDER BY movie_id"
    ) == [
        ("Heat", 1995, "Cops.", "Mann"),
        ("Alien", 1979, "Space.", None),
    ]
    assert report.changed == 2
    assert report.notes == (
        "facts.csv: line about a film that is not here, left out: 1 (first: film 9).",
    )


def test_a_dry_run_writes_nothing_and_says_everything(database: Database, tmp_path: Path) -> None:
    source = shop(tmp_path, "user_id,movie_id,rating,shop\n1,1,4,x\n1,7,4,x\n")
    report = load(database, source, dry_run=True, rejects=tmp_path / "rejects.csv")
    assert (report.movies, report.ratings, report.rejected) == (2, 1, 1)
    assert report.files == (
        "films.csv: movies, commas, quotes, a header, UTF-8; movie_id, title, year.",
        "stars.csv: ratings, commas, quotes, a header, UTF-8; user_id, movie_id, rating.",
    )
    assert report.notes == ("stars.csv: not used: shop.",)
    assert report.refused == (
        "stars.csv: column movie_id: 1 line refused (first: line 3: film 7 is unknown).",
    )
    assert rows(database, "SELECT count(*) FROM movies") == [(0,)]
    assert not (tmp_path / "rejects.csv").exists()


def test_what_inspect_writes_loads(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "films.csv").write_text("Film ID;Name\n1;Heat\n")
    (tmp_path / "stars.csv").write_text("shopper;film;score\nann;1;9\n")
    said = run(database, tmp_path, monkeypatch, "ingest inspect films.csv stars.csv --write m.json")
    assert "to hold ratings it lacks user_id; it has shopper, film, score" in said
    assert "Film ID" in said
    mapping = (tmp_path / "m.json").read_text()
    part = (
        '{"file": "stars.csv", "holds": "ratings", "delimiter": ";", "quoting": true,'
        ' "columns": {"user_id": "shopper"}, "scale": "1-10", "text_ids": ["user_id"]}'
    )
    (tmp_path / "m.json").write_text(mapping.replace('"parts": [', f'"parts": [{part},'))
    run(database, tmp_path, monkeypatch, "ingest table --mapping m.json --name shop")
    assert rows(database, "SELECT name, rating FROM ratings JOIN user_names USING (user_id)") == [
        ("ann", 4.5)
    ]


def test_inspect_takes_what_a_load_is_told(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "games.csv").write_text("Game #;Name;Players\n1;Catan;4\n2;Azul;2\n")
    (tmp_path / "stars.csv").write_text("Mail;Game #;Stars\na@b.c;1;8/10\na@b.c;2;5 out of 10\n")
    told = (
        "--movies games.csv --ratings stars.csv --column 'movie_id=Game #' --column user_id=Mail "
        "--scale 1-10"
    )
    said = run(database, tmp_path, monkeypatch, f"ingest inspect {told} --write games.json")
    assert said.count("of the first 2 lines 2 would be loaded") == 2
    assert "`palate fields add players --type integer" in said
    run(database, tmp_path, monkeypatch, "ingest table --mapping games.json --name games")
    assert rows(database, "SELECT movie_id, rating FROM ratings ORDER BY 1") == [(1, 4.0), (2, 2.5)]


def test_letterboxd_is_matched_by_title_and_year(
    database: Database, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.integration.ingest.test_layouts import COMMANDS

    run(database, files, monkeypatch, "ingest table the-movies")
    (command,) = (one for one in COMMANDS if "letterboxd" in one)
    said = run(database, files, monkeypatch, command.replace("tmdb-5000", "the-movies"))
    assert "no one film here is called Nowhere Here (2001)" in said
    assert rows(database, RATED.replace(" ORDER", " WHERE user_id = 7 ORDER")) == [
        (7, 6, 4.5), (7, 1214, 5.0),
    ]  # fmt: skip


def test_a_film_that_is_called_by_imdb_s_id_is_the_one_that_is_here(
    database: Database, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    films = tmp_path / "films.csv"
    films.write_text("movie_id,title,year,imdb_id\n7,Alien: the first,1979,0078748\n")
    run(database, tmp_path, monkeypatch, "ingest table films.csv --name mine")
    mine = "ingest table imdb-ratings.csv --user ann --name mine"
    for said in (run(database, files, monkeypatch, f"{mine}{again}") for again in ("", " --again")):
        assert "film that is here under another id, left as it is: 1 (first: line 2)" in said
    assert rows(database, "SELECT title FROM movies ORDER BY 1") == [
        ("Alien: the first",),
        ("Heat",),
    ]
    stars = "SELECT title, rating FROM ratings JOIN movies USING (movie_id) ORDER BY 1"
    assert rows(database, stars) == [("Alien: the first", 5.0), ("Heat", 0.5)]


def test_a_pipe_a_url_and_another_database(
    database: Database, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.integration.ingest.test_layouts import COMMANDS, FORMATS
    from tests.integration.ingest.test_layouts import FILMS as ALL_FILMS
    from tests.integration.ingest.test_layouts import RATINGS as ALL_RATINGS

    write(database, "CREATE SCHEMA shop")
    write(database, "CREATE TABLE shop.film AS SELECT 1 AS id, 'Heat' AS name")
    write(database, "CREATE TABLE shop.stars AS SELECT 1 AS user_id, 1 AS movie_id, 4 AS rating")
    pipe, web, query = (one for one in COMMANDS if one.endswith("-") or "://" in one)
    handler = partial(SimpleHTTPRequestHandler, directory=files / "formats")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stars = (files / "formats" / "stars.csv").read_bytes()
        run(database, files, monkeypatch, f"{pipe} --replace", stars)
        assert (rows(database, ALL_FILMS), rows(database, ALL_RATINGS)) == FORMATS
        address = web.replace("8000", str(server.server_port))
        run(database, files, monkeypatch, f"{address} --replace --again")
        assert (rows(database, ALL_FILMS), rows(database, ALL_RATINGS)) == FORMATS
        server.shutdown()
    own = query.replace("postgresql://reader@127.0.0.1/shop", database.psql_url)
    own = own.replace("FROM film", "FROM shop.film").replace("FROM stars", "FROM shop.stars")
    run(database, files, monkeypatch, f"{own} --replace")
    assert rows(database, RATED) == [(1, 1, 4.0)]


RATINGS = "user_id,movie_id,rating,rated_at\n1,1,4,5\n2,1,4,5\n"
TAGS = "user_id,movie_id,tag,tagged_at\n1,1,slow,5\n"


@pytest.mark.parametrize(
    ("what", "good", "fault"),
    [
        ("ratings", RATINGS, "3,1,5.5,5"),
        ("ratings", RATINGS, "3,1,0.4999,5"),
        ("ratings", RATINGS, "3,1,-1,5"),
        ("ratings", RATINGS, "3,1,4,9999999999"),
        ("ratings", RATINGS, "3,1,four,5"),
        ("ratings", RATINGS, "3,1,4,soon"),
        ("ratings", RATINGS, ",1,4,5"),
        ("ratings", RATINGS, "3,-1,4,5"),
        ("ratings", RATINGS, "3,1,4,5,6"),
        ("ratings", RATINGS, "2,1,3,4"),
        ("ratings", RATINGS, "2,1,3,6"),
        ("movies", FILMS, "2,Alien,1979"),
        ("movies", FILMS, "2,Aliens,1986"),
        ("movies", FILMS, "3,,1986"),
        ("movies", FILMS, "x,Aliens,1986"),
        ("movies", FILMS, ",Aliens,1986"),
        ("movies", FILMS, "3,Aliens,12"),
        ("movies", FILMS, "3,Aliens"),
        ("tags", TAGS, "1,1,fast,9999999999"),
        ("tags", TAGS, "1,-1,fast,5"),
        ("tags", TAGS, "1,1,,5"),
    ],
)  # fmt: skip
def test_inspect_foretells_what_a_load_refuses(
    database: Database, tmp_path: Path, what: str, good: str, fault: str
) -> None:
    more = "\n".join(f"{n},{good.splitlines()[1].partition(',')[2]}" for n in range(100, 140))
    texts = {"movies": FILMS, what: f"{good}{more if what == 'ratings' else ''}\n{fault}\n"}
    for name, text in texts.items():
        (tmp_path / f"{name}.csv").write_text(text)
    source = Table("shop", **{name: tmp_path / f"{name}.csv" for name in texts})  # type: ignore[arg-type]
    (part,) = (part for part in source.parts if part.part.holds == what)
    good_lines, refused = part.sample(1000)
    aside = tmp_path / "aside.csv"
    report = load(database, source, on_error="skip", rejects=aside)
    assert (good_lines, refused.count) == (getattr(report, what), report.rejected)
    told = (
        [line.split(",")[1:4] for line in aside.read_text().splitlines()[1:]]
        if refused.count
        else []
    )
    assert [[str(r.first.line), r.first.column or "", r.first.reason.split(",")[0]]
            for r in refused.by_file.values()] == told  # fmt: skip
