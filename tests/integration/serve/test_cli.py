"""The command as people run it: what it prints, how it ends, and what it says when it cannot."""

import io
import json
import logging
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from serve.cli.main import COMMANDS, main
from sql.database import Database
from tests.commands import whole_command


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What --json printed."""
        return json.loads(self.out)


Palate = Callable[..., Ended]


@pytest.fixture
def quiet_logs() -> Iterator[None]:
    """Commands send logs to the standard error of their test; later tests have another."""
    yield
    logging.getLogger().handlers.clear()


@pytest.fixture
def palate(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    quiet_logs: None,
) -> Palate:
    """Runs a command in an empty folder; ``on`` is the database it works with."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")

    def run(*arguments: str | int, on: Database | None = None, typed: str = "") -> Ended:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        where = ["--database-url", on.psql_url] if on else ["--data-dir", str(tmp_path / "data")]
        code = main([*where, *map(str, arguments)])
        return Ended(code, *capsys.readouterr())

    return run


@pytest.mark.parametrize(
    "typed",
    [
        "ingest csv --movies missing.csv",
        "ingest csv --ratings .",
        "ingest csv --tags missing.parquet",
        "ingest movielens missing",
        "ingest embeddings missing.npz",
        "ingest events missing.jsonl",
        "db backup missing/folder",
        "db restore missing",
        "keys create web --file missing/keys.txt",
        "serve --api-keys-file missing",
    ],
)
def test_a_file_that_is_missing_is_misuse(palate: Palate, database: Database, typed: str) -> None:
    ended = palate(*typed.split(), on=database)
    assert (ended.code, ended.out) == (2, "")
    assert "missing" in ended.err or ". holds no files" in ended.err


@pytest.mark.parametrize("typed", ["db status", "db start", "search lord"])
def test_a_file_in_the_place_of_the_data_directory(
    palate: Palate, tmp_path: Path, typed: str
) -> None:
    (tmp_path / "data").write_text("no folder")
    ended = palate(*typed.split())
    assert (ended.code, ended.out) == (2, "")
    assert "data is a file. Nothing was started." in ended.err


def test_a_port_in_use_is_a_failure_that_says_what_to_do(palate: Palate) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = palate("serve", "--port", taken.getsockname()[1])
    assert ended.code == 1
    assert "Choose another PALATE_PORT or PALATE_HOST, or stop what listens there" in ended.err


def test_a_search_prints_its_films(palate: Palate, sample_database: Database) -> None:
    ended = palate("search", "lord", "-k", 3, on=sample_database)
    assert (ended.code, ended.err) == (0, "")
    assert "Lord of War (2005)" in ended.out
    assert len(ended.out.splitlines()) == 4
    assert "\x1b" not in ended.out


def test_a_search_as_json_is_the_whole_answer(palate: Palate, sample_database: Database) -> None:
    found = palate("search", "lord", "--user", 20001, "--json", on=sample_database).json
    assert found["personalized"] is True
    assert len(found["hits"]) == 10
    for hit in found["hits"]:
        assert sum(hit["contributions"].values()) == pytest.approx(hit["score"], abs=1e-6)


def test_several_users_stand_side_by_side(palate: Palate, sample_database: Database) -> None:
    ended = palate("search", "lord", "--user", 20001, "--user", 20002, on=sample_database)
    head = ended.out.splitlines()[0].split()
    assert head == ["#", "unpersonalised", "user", "20001", "user", "20002"]
    assert "▲" in ended.out
    assert "score = text + taste + popularity" in ended.out

    alone = palate("search", "lord", "--user", 20002, on=sample_database)
    assert "How well a title fits what was typed comes before the score" in alone.out
    found = palate("search", "lord", "-u", 20001, "-u", 20002, "--json", on=sample_database).json
    assert [answer["user_id"] for answer in found] == [None, 20001, 20002]


@pytest.mark.parametrize("columns", [80, 100, 120, 200])
def test_a_comparison_fits_the_terminal(
    palate: Palate, sample_database: Database, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    ended = palate("search", "king", "-u", 20001, "-u", 20002, "--explain", on=sample_database)
    assert max(map(len, ended.out.splitlines())) <= columns
    assert "…  " not in ended.out.splitlines()[-1]


def test_explaining_shows_parts_and_reasons(palate: Palate, sample_database: Database) -> None:
    ended = palate("search", "king", "--user", 20001, "--explain", on=sample_database)
    assert " text + " in ended.out
    assert "because you gave 5.0 to" in ended.out


def test_snippets_facets_and_filters(palate: Palate, sample_database: Database) -> None:
    arguments = ("search", "king", "--genre", "Fantasy", "--year-from", 2000, "--facets")
    found = palate(*arguments, "--snippets", "--json", on=sample_database).json
    assert {"Fantasy"} <= set(found["hits"][0]["genres"])
    assert all(hit["year"] >= 2000 for hit in found["hits"])
    assert found["total"] == found["facets"]["genres"]["Fantasy"]
    shown = palate(*arguments, "--snippets", on=sample_database).out
    assert f"{found['total']} films match." in shown
    assert "<mark>" not in shown


def test_weights_change_the_order(palate: Palate, sample_database: Database) -> None:
    found = palate(
        "search", "king", "--weights", "bm25:0,popularity:1", "--json", on=sample_database
    ).json
    counts = [hit["components"]["popularity"] for hit in found["hits"]]
    assert counts == sorted(counts, reverse=True)


def test_words_need_no_quotes(palate: Palate, sample_database: Database) -> None:
    loose = palate("search", "lord", "of", "the", "rings", "--json", on=sample_database).json
    assert loose["query"]["text"] == "lord of the rings"
    assert "Lord of the Rings" in loose["hits"][0]["title"]


def test_found_words_are_marked_beside_the_scores(
    palate: Palate, sample_database: Database
) -> None:
    shown = palate("search", "king", "-k", 3, "--snippets", on=sample_database).out
    assert shown.splitlines()[0].split() == ["#", "film", "genres", "score"]
    assert "[king]" in shown.lower()


def test_side_by_side_without_films(palate: Palate, sample_database: Database) -> None:
    ended = palate("search", "dragom", "--as-typed", "-u", 20001, "-u", 987654, on=sample_database)
    assert "not personalised: user 987654" in ended.out
    assert "No film matches 'dragom'." in ended.out
    assert "Did you mean 'dragon'?" in ended.out
    assert "score =" not in ended.out


def test_side_by_side_tells_each_user_without_a_taste_and_the_facets_once(
    palate: Palate, sample_database: Database
) -> None:
    users = ("-u", 987654, "-u", 20001, "-u", 987654)
    ended = palate("search", "king", *users, "--facets", on=sample_database)
    assert ended.out.count("not personalised: user 987654") == 1
    assert ended.out.count("films match. Genres: ") == 1
    refused = palate("search", "king", *users, "--snippets", on=sample_database)
    assert refused.code == 2
    assert "--snippets" in refused.err


def test_filters_that_leave_nothing_are_named(palate: Palate, sample_database: Database) -> None:
    ended = palate("search", "lord", "--year-to", 1900, on=sample_database)
    assert "No film matches 'lord' with these filters." in ended.out


def test_an_empty_catalogue_says_how_to_fill_it(palate: Palate, database: Database) -> None:
    searched, drawn = palate("search", "lord", on=database), palate("random", on=database)
    for said in (searched.out, drawn.err):
        assert said.startswith("There are no films yet. `palate demo` or `palate ingest sample`")


@pytest.mark.parametrize("out_of_range", [2**63, -1])
@pytest.mark.parametrize(
    "command",
    [
        ["models", "show"],
    ],
)
def test_an_id_out_of_range_is_misuse(
    palate: Palate, sample_database: Database, command: list[str], out_of_range: int
) -> None:
    ended = palate(*command, "--", out_of_range, on=sample_database)
    assert ended.code == 2
    limit = "greater than or equal to 0." if out_of_range < 0 else f"than or equal to {2**63 - 1}."
    assert limit in ended.err
    if out_of_range < 0:
        bare = palate(*command, out_of_range, on=sample_database)
        assert bare.code == 2
        assert "Words that begin with - go after --." in bare.err


@pytest.mark.parametrize("command", ["show", "ratings", "forget --yes", "event list", "export"])
@pytest.mark.parametrize("nobody", [2**63, -1, "+7", "a/b"])
def test_what_cannot_be_a_user_is_misuse(
    palate: Palate, sample_database: Database, command: str, nobody: object
) -> None:
    ended = palate("user", *command.split(), "--", str(nobody), on=sample_database)
    assert (ended.code, ended.out) == (2, "")
    assert f"No user can be called '{nobody}'. Nothing was done." in ended.err


def test_a_user_by_name_from_the_first_event_to_the_last_trace(
    palate: Palate, few_raters_copy: Database
) -> None:
    here = few_raters_copy
    assert "the user is unknown" in palate("search", "lord", "--user", "ann", on=here).out
    event = ("user", "event", "add", "ann")
    written = palate(*event, "watched", "Shrek", "--id", "play-1", "--source", "tv", on=here)
    assert "Written as play-1: watched Shrek (2001)." in written.err
    assert "was there already" in palate(*event, "watched", "Shrek", "--id", "play-1", on=here).err
    palate(*event, "rated", "1", "--rating", 4, "--at", "2024-01-31T20:15:00", on=here)
    palate(*event, "muted", "--genre", "Horror", on=here)
    listed = palate("user", "event", "list", "ann", "--json", on=here).json["events"]
    assert [(one["type"], one["genre"]) for one in listed] == [
        ("muted", "Horror"), ("watched", None), ("rated", None),
    ]  # fmt: skip
    shown = palate("user", "show", "ann", on=here).out
    assert "ann" in shown
    assert "pushes from" in shown
    assert "Horror" in shown
    found = palate("recommend", "--user", "ann", "--json", on=here).json
    assert found["personalized"] is True
    assert not [film for film in found["movies"] if "Horror" in film["genres"]]
    scores = [film["score"] for film in found["movies"]]
    told = palate("recommend", "--user", "ann", on=here).err
    assert ("Not by score alone" in told) is (scores != sorted(scores, reverse=True))
    assert "Not by" not in palate("recommend", "--diversity", 1, "--no-serendipity", on=here).err
    assert palate("search", "lord", "--user", "ann", "--json", on=here).json["personalized"] is True
    assert palate("user", "event", "undo", "ann", "play-1", on=here).code == 0
    assert palate("user", "event", "undo", "ann", "play-1", on=here).code == 1
    held = palate("user", "export", "ann", on=here).json
    assert len(held["tables"]["events"]) == 2
    gone = palate("user", "forget", "ann", "--yes", "--json", on=here).json
    assert {table["left"] for table in gone["tables"]} == {0}
    assert gone["statistics"] == "refreshed"
    assert palate("user", "show", "ann", on=here).code == 1


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("rated 1", "`rated` needs a rating, and nothing else has one"),
        ("rated 1 --rating 9", "rating: it is above 5"),
        ("liked --genre Horror", "only a pin or a mute may tell of a genre"),
        ("liked 1 --at yesterday", "--at: 'yesterday' is no time."),
        ("liked", "it tells of no film"),
    ],
)
def test_an_event_that_cannot_be_is_misuse(
    palate: Palate, sample_copy: Database, typed: str, said: str
) -> None:
    ended = palate("user", "event", "add", "1", *typed.split(), on=sample_copy)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert "Nothing was written." in ended.err


def test_what_events_count_is_shown_and_set(palate: Palate, few_raters_copy: Database) -> None:
    assert "watched" in palate("user", "weights", on=few_raters_copy).out
    changed = palate("user", "weights", "clicked=0.1", "--json", on=few_raters_copy).json
    assert changed["clicked"] == 0.1
    for wrong, said in [("rated=1", "what a rating counts, its stars say"), ("clicked=x", "is no")]:
        ended = palate("user", "weights", wrong, on=few_raters_copy)
        assert ended.code == 2
        assert said in ended.err


def test_an_unknown_user_is_told_why_the_order_is_everybodys(
    palate: Palate, sample_database: Database
) -> None:
    ended = palate("search", "lord", "--user", 987654, on=sample_database)
    assert ended.code == 0
    assert "not personalised: user 987654" in ended.out


def test_nothing_found_is_no_failure(palate: Palate, sample_database: Database) -> None:
    ended = palate("search", "dragom", "--as-typed", on=sample_database)
    assert ended.code == 0
    assert "No film matches 'dragom'." in ended.out
    assert "Did you mean 'dragon'?" in ended.out


def test_a_text_that_finds_nothing_is_read_otherwise(
    palate: Palate, sample_database: Database
) -> None:
    ended = palate("search", "dragom", on=sample_database)
    assert "read as 'dragon' (typing mistakes); --as-typed searches" in ended.out
    assert "Dragon" in ended.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["search"], "palate search: Missing argument 'query'. Try `palate search --help`."),
        (["search", "a", "--k", "0"], "palate search: Invalid value for '--k'"),
        (["search", "a", "--foo"], "palate search: No such option: --foo"),
        (["serch", "a"], "palate: No such command 'serch'. Did you mean 'search'"),
        (["search", "a", "--weights", "x"], "palate: --weights: 'x' is no component;"),
        (["search", "a", "--profile", "No Way"], "palate search: Invalid value for '--profile'"),
        (["recommend", "--profile", "No Way"], "palate recommend: Invalid value for '--profile'"),
        (["predict", "1", "1", "--profile", "x!"], "palate predict: Invalid value for '--profile'"),
        (["user", "rate", "7", "1"], "palate user rate: Invalid value for RATING"),
        (["search", "a AND", "--strict"], "palate: "),
        (["search", "a", "-k", "5000"], "palate: k is 5000; at most 100 are allowed."),
    ],
)
def test_misuse_is_one_line_and_exit_code_2(
    palate: Palate, sample_database: Database, arguments: list[str], says: str
) -> None:
    ended = palate(*arguments, on=sample_database)
    assert ended.code == 2
    assert ended.out == ""
    assert len(ended.err.splitlines()) == 1
    assert ended.err.startswith(says)


def test_a_failure_is_one_line_and_exit_code_1(palate: Palate, sample_database: Database) -> None:
    ended = palate("movie", 99_999_999, on=sample_database)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        "palate: There is no film '99999999'. Nothing was done. Give its movie_id, or "
        "`palate search` for it.\n"
    )


def test_a_setting_that_is_wrong_is_named(palate: Palate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PALATE_MAX_K", "many")
    ended = palate("search", "a")
    assert ended.code == 2
    assert ended.err.startswith("palate: PALATE_MAX_K: it is no whole number")


@pytest.mark.parametrize("command", ["search", "similar", "user event add 1 liked", "fields add"])
def test_bytes_that_are_no_text_are_misuse(palate: Palate, command: str) -> None:
    ended = palate(*command.split(), "lord\udcff")
    assert ended.code == 2
    assert "has bytes that are no UTF-8. Nothing was done." in ended.err


def test_an_empty_variable_is_none(palate: Palate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PALATE_DATABASE_URL", "")
    assert palate("db", "status", "--json").json["server"] == "embedded"


def test_a_database_that_is_down_is_named_without_its_password(palate: Palate) -> None:
    code, out, err = palate("--database-url", "postgresql://me:secret@127.0.0.1:1/x", "random")
    assert (code, out) == (1, "")
    assert "127.0.0.1:1" in err
    assert "secret" not in err
    assert len(err.splitlines()) == 1


def test_an_unexpected_error_is_one_line_unless_debugging(
    palate: Palate, sample_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("by design")

    monkeypatch.setattr("serve.cli.random.random_movies", fail)
    ended = palate("random", on=sample_database)
    assert ended.code == 1
    assert ended.err.splitlines() == [
        "palate: an error nobody expected: ZeroDivisionError: by design. "
        "`palate --log-level debug ...` shows where."
    ]
    assert "Traceback" in palate("--log-level", "debug", "random", on=sample_database).err


def test_an_empty_database_says_what_to_do(palate: Palate, bare_database: Database) -> None:
    ended = palate("search", "lord", on=bare_database)
    assert ended.code == 1
    assert "palate db migrate" in ended.err
    assert len(ended.err.splitlines()) == 1


def test_films(palate: Palate, sample_database: Database) -> None:
    one = palate("random", "--json", on=sample_database).json[0]
    shown = palate("movie", one["movie_id"], on=sample_database)
    assert one["title"] in shown.out
    assert palate("movie", one["movie_id"], "--json", on=sample_database).json == one
    near = palate("similar", one["movie_id"], "-k", 3, "--json", on=sample_database).json
    assert [hit["rank"] for hit in near] == [1, 2, 3]
    told = palate("similar", one["movie_id"], "-k", 3, "--user", 20001, on=sample_database)
    assert "taste" in told.out.splitlines()[0]


def test_a_title_with_brackets_is_shown_as_it_is(palate: Palate, database: Database) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql("INSERT INTO movies (movie_id, title) VALUES (1, '[REC]')")
    assert "[REC]" in palate("movie", 1, on=database).out
    assert "[REC]" in palate("random", on=database).out
    assert "[REC]" in palate("search", "rec", on=database).out
    palate("user", "rate", 7, 1, 4, on=database)
    assert "[REC]" in palate("user", "ratings", 7, on=database).out


def test_a_rating_is_in_the_next_search(palate: Palate, sample_copy: Database) -> None:
    film = palate("search", "king", "--json", on=sample_copy).json["hits"][0]
    rated = palate("user", "rate", 5001, f"{film['title']} ({film['year']})", 4.5, on=sample_copy)
    assert (rated.code, rated.out) == (0, "")
    assert f"User 5001 gives 4.5 to {film['title']} ({film['year']})." in rated.err

    found = palate("search", "king", "--user", 5001, "--json", on=sample_copy).json
    assert found["personalized"] is True
    own = {hit["movie_id"]: hit["rating"] for hit in found["hits"]}
    assert own[film["movie_id"]] == 4.5
    assert palate("user", "show", 5001, "--json", on=sample_copy).json["rating_count"] == 1

    palate("user", "rate", 5001, film["movie_id"], "--remove", on=sample_copy)
    assert palate("user", "ratings", 5001, "--json", on=sample_copy).json == []
    forgotten = palate("user", "forget", 5001, "--yes", "--json", on=sample_copy).json
    assert (forgotten["user_id"], forgotten["ratings_deleted"]) == (5001, 0)
    assert {table["left"] for table in forgotten["tables"]} == {0}
    assert palate("user", "show", 5001, on=sample_copy).code == 1


def test_profiles_are_made_again(palate: Palate, sample_copy: Database) -> None:
    assert palate("user", "refresh", "--json", on=sample_copy).json == {"profiles": 600}


def test_test_users(palate: Palate, sample_copy: Database) -> None:
    assert palate("test-users", "check", on=sample_copy).code == 1
    created = palate("test-users", "create", "--json", on=sample_copy).json
    assert [taster["user_id"] for taster in created] == [10001, 10002, 20001, 20002]
    checked = palate("test-users", "check", on=sample_copy)
    assert checked.code == 0
    assert checked.out.count(" ok") == 12
    report = palate("test-users", "check", "--json", on=sample_copy).json
    assert report["passed"] is True
    assert palate("test-users", "remove", "--json", on=sample_copy).json == {"users_removed": 4}


def test_a_check_that_fails_exits_1(palate: Palate, sample_copy: Database) -> None:
    palate("test-users", "create", on=sample_copy)
    with sample_copy.begin() as connection:
        connection.exec_driver_sql("UPDATE blend SET content = 0")
    ended = palate("test-users", "check", on=sample_copy)
    assert ended.code == 1
    assert "do not rank higher" in ended.err
    assert palate("test-users", "check", "--json", on=sample_copy).code == 1


def test_tasters_without_vectors_are_told_about(palate: Palate, database: Database) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO movies (movie_id, title, genres) VALUES (1, 'Legend', '{Fantasy}')"
        )
    ended = palate("test-users", "create", on=database)
    assert ended.code == 0
    assert "warning: without embeddings" in ended.err


def test_keys_are_shown_once_and_kept_as_hashes(palate: Palate, tmp_path: Path) -> None:
    made = palate("keys", "create", "web", "--scope", "write", "--file", "keys.txt")
    secret = made.out.strip()
    kept = (tmp_path / "keys.txt").read_text()
    assert kept.startswith("web:write:")
    assert secret not in kept
    assert (tmp_path / "keys.txt").stat().st_mode & 0o077 == 0

    again = palate("keys", "create", "web", "--file", "keys.txt")
    assert again.code == 1
    assert "already has a key called web" in again.err
    more = palate("keys", "create", "phone", "--file", "keys.txt", "--json")
    assert (tmp_path / "keys.txt").read_text() == kept + more.json["line"] + "\n"
    assert palate("keys", "create", "no spaces").code == 2


def test_the_doctor_finds_the_sample_in_health(palate: Palate, sample_database: Database) -> None:
    ended = palate("doctor", "--json", on=sample_database)
    assert ended.code == 0
    assert {check["status"] for check in ended.json} <= {"ok", "warn"}
    assert "pgvector" in palate("doctor", on=sample_database).out


def test_the_doctor_exits_1_when_something_is_broken(
    palate: Palate, bare_database: Database
) -> None:
    ended = palate("doctor", on=bare_database)
    assert ended.code == 1
    assert "fail" in ended.out


def test_embeddings_are_counted(palate: Palate, sample_database: Database) -> None:
    stats = palate("embed", "stats", "--json", on=sample_database).json
    assert (stats["missing"], stats["model"]) == (0, "all-MiniLM-L6-v2")
    assert "100.0%" in palate("embed", "stats", on=sample_database).out


def test_your_server_is_neither_started_nor_stopped(
    palate: Palate, sample_database: Database
) -> None:
    assert palate("db", "status", "--json", on=sample_database).json["running"] is True
    for command in ("start", "stop"):
        ended = palate("db", command, on=sample_database)
        assert ended.code == 2
        assert "neither starts nor stops" in ended.err


def test_help_of_every_command_ends_with_examples(palate: Palate) -> None:
    for path in command_paths():
        shown = palate(*path, "--help").out
        assert f"palate {' '.join(path)}" in shown.partition("Examples:")[2], path


def test_the_help_of_palate_says_of_a_command_what_its_own_help_says() -> None:
    shown = {name: line for panel in COMMANDS.values() for name, line in panel.items()}
    own = {name: command.help for name, command in whole_command().commands.items()}
    assert shown == {
        name: " ".join(text.partition("\n\n")[0].split()) for name, text in own.items()
    }


def test_every_command_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")
    for path in command_paths():
        assert " ".join(path) in page, path


def command_paths() -> list[list[str]]:
    """Every command, as the words that name it."""

    def walk(command: Any, path: list[str]) -> Iterator[list[str]]:
        for name, child in getattr(command, "commands", {}).items():
            if getattr(child, "commands", None):
                yield from walk(child, [*path, name])
            else:
                yield [*path, name]

    return list(walk(whole_command(), []))


def test_loading_your_own_files(palate: Palate, database: Database, tmp_path: Path) -> None:
    (tmp_path / "films.csv").write_text("movie_id,title\n1,Legend (1985)\n", encoding="utf-8")
    (tmp_path / "stars.csv").write_text(
        "customer,movie_id,rating\n7,1,4.5\n8,1,99\n", encoding="utf-8"
    )
    files = ("ingest", "csv", "--movies", "films.csv", "--ratings", "stars.csv")
    mapped = (*files, "--column", "user_id=customer")

    stopped = palate(*mapped, on=database)
    assert stopped.code == 1
    assert stopped.err.splitlines()[-1].startswith("palate: stars.csv, line 3, column rating:")
    assert palate("user", "show", 7, on=database).code == 1

    skipped = palate(*mapped, "--on-error", "skip", "--rejects", "bad.csv", on=database)
    assert skipped.code == 0
    assert "Loaded csv: 1 films, 1 ratings" in skipped.err
    assert "warning: 1 line not loaded: in bad.csv." in skipped.err
    assert palate(*mapped, "--on-error", "skip", "--json", on=database).json["changed"] == 0

    other = palate(*mapped, "--name", "other", "--on-error", "skip", on=database)
    assert other.code == 1
    assert "--replace" in other.err


def test_a_file_that_was_named_is_loaded_or_nothing_is(
    palate: Palate, database: Database, tmp_path: Path
) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "films.csv").write_text("movie_id,title\n1,Legend\n", encoding="utf-8")
    (folder / "stars.csv").write_text("visitor_code,movie_id,rating\n7,1,4.5\n", encoding="utf-8")
    why = "stars.csv: not read: to hold ratings it lacks user_id"

    refused = palate("ingest", "table", "shop/films.csv", "shop/stars.csv", on=database)
    assert refused.code == 2
    assert why in refused.err
    assert "Nothing was loaded" in refused.err

    beside = palate("ingest", "table", "shop", on=database)
    assert beside.code == 0
    assert why in beside.err


def test_a_name_that_nobody_has_searches_like_everybody(
    palate: Palate, sample_database: Database
) -> None:
    def films(*user: str) -> list[int]:
        found = palate("search", "lord", *user, "--json", on=sample_database).json
        assert found["personalized"] is False
        return [hit["movie_id"] for hit in found["hits"]]

    assert films("--user", "nobody-yet") == films()


def test_movielens_that_is_not_there(palate: Palate, database: Database) -> None:
    ended = palate("ingest", "movielens", "ml-latest-smal", on=database)
    assert ended.code == 2
    assert "Did you mean ml-latest-small?" in ended.err


def test_a_talk_goes_on_until_it_is_told_to_end(palate: Palate, sample_database: Database) -> None:
    typed = "five comedies\n/not 2\n/why 1\n/why 77\n/user 20001\n/more\n/quit\nhorror\n"
    ended = palate("chat", "--rules", on=sample_database, typed=typed)
    assert ended.code == 0
    first, without, more = ended.out.split("Understood as: ")[1:]
    shown = [line.partition(". ")[2] for line in first.splitlines() if line[:1].isdigit()]
    assert len(shown) == 5
    assert f". {shown[1]}" not in without
    assert f"{shown[0]} is number 1 of what you asked for." in ended.out
    assert "there is no number 77" in ended.err
    assert "the taste of 20001" in ended.err
    assert "orror" not in ended.out
    assert not any(f". {title}" in more for title in shown)
    one = palate("chat", "--rules", "--json", "compare", "Jaws", "and", "Shrek", on=sample_database)
    assert one.json["answer"]["comparison"]
