"""What is said next goes on from the answer before, by a state that only its holder has."""

import pytest

from ask.answer import Asker, turn_of
from ask.conversation import Turn, TurnSigner
from ask.understood import describe_structure
from palate.errors import MisuseError
from palate.settings import Settings
from rerank.search import Searcher
from sql.database import Database


@pytest.fixture(scope="module")
def asker(sample_database: Database) -> Asker:
    return Asker(sample_database, Searcher(sample_database))


def talk(asker: Asker, *texts: str, user_id: int | None = None) -> list[str]:
    """What is understood of each, one after another."""
    after, understood = None, []
    for text in texts:
        answer = asker.ask(text, user_id, after=after)
        after = turn_of(answer)
        understood.append(describe_structure(answer.structure))
    return understood


def test_conditions_are_added_or_set_anew(asker: Asker) -> None:
    assert talk(
        asker,
        "thrillers for user 5",
        "only the ones from the nineties",
        "what about comedies",
        "and with Woody Allen",
        "shorter ones",
        "from the eighties",
    ) == [
        "films · Thriller · for user 5",
        "films · Thriller · year 1990 to 1999 · for user 5",
        "films · Comedy · year 1990 to 1999 · for user 5",
        "films · Comedy · by or with Woody Allen · year 1990 to 1999 · for user 5",
        "films · shortest first · Comedy · by or with Woody Allen · year 1990 to 1999 · for user 5",
        "films · shortest first · Comedy · by or with Woody Allen · year 1980 to 1989 · for user 5",
    ]


def test_it_may_be_the_list_rather_than_the_first_film(asker: Asker) -> None:
    understood = talk(asker, "comedies from the 80s", "make it darker")
    assert understood[1].startswith("films · Comedy · ")
    assert "1980 to 1989" in understood[1]
    assert "dark" in understood[1]


def test_films_are_named_by_their_place(asker: Asker) -> None:
    first = asker.ask("westerns", k=5)
    shown = [str(f"{movie.title} ({movie.year})") for movie in first.movies]
    after = turn_of(first)
    without = asker.ask("without the second", after=after)
    assert shown[1] not in {f"{movie.title} ({movie.year})" for movie in without.movies}
    alike = asker.ask("more like the third", after=after)
    assert describe_structure(alike.structure).startswith(f"films like {shown[2]}")
    told = asker.ask("how long is the first one and who directed it", after=after)
    assert [fact.movie_id for fact in told.facts] == [first.movies[0].movie_id] * 2
    longest = asker.ask("which of them is the longest?", after=after)
    assert {film.movie_id for film in longest.films} <= {movie.movie_id for movie in first.movies}
    more = asker.ask("show me more", after=after)
    assert not {movie.movie_id for movie in more.movies} & set(after.shown)


def test_a_place_that_was_not_shown_is_said(asker: Asker) -> None:
    after = turn_of(asker.ask("westerns", k=3))
    answer = asker.ask("more like the seventh", after=after)
    assert answer.structure.intent == "unclear"
    assert "3 films were shown" in answer.ignored[0].why


def test_a_request_of_its_own_begins_anew(asker: Asker) -> None:
    read = talk(asker, "westerns for user 5", "musical films since 2000 for kids")
    assert read[1] == "films · Musical · for kids · year 2000 or more · for user 5"


def test_the_caller_stays_whoever_is_named(asker: Asker) -> None:
    assert talk(asker, "westerns", "for user 9", user_id=5)[1] == "films · Western · for user 5"


def test_only_our_own_state_is_read() -> None:
    signer = TurnSigner(Settings(_env_file=None))
    turn = Turn.model_validate({"structure": {"genres": ["Western"], "k": 3}, "shown": [1, 2]})
    written = signer.write(turn)
    assert signer.read(written) == turn
    for other in (written + "x", "", "x" * 10_000, TurnSigner(Settings()).write(turn)):
        with pytest.raises(MisuseError, match="Nothing was done"):
            signer.read(other)


def test_or_adds_kinds_of_films(asker: Asker) -> None:
    assert talk(asker, "westerns from the 60s", "or from the 80s", "or comedies from the 90s") == [
        "films · Western · year 1960 to 1969",
        "films · Western · either year 1960 to 1969 – or year 1980 to 1989",
        "films · either Western, year 1960 to 1969 – or Western, year 1980 to 1989 – or Comedy, "
        "year 1990 to 1999",
    ]


def test_after_a_fact_films_are_a_request_of_their_own(asker: Asker) -> None:
    assert talk(asker, "how long is Jaws", "and comedies instead")[1] == "films · Comedy"


def test_who_is_not_wanted_any_more_is_taken_away(asker: Asker) -> None:
    read = talk(asker, "comedies by Woody Allen", "without Woody Allen")
    assert read[1] == "films · Comedy · not Woody Allen"


def test_films_shown_are_what_others_are_held_against(asker: Asker) -> None:
    first = asker.ask("thrillers from the nineties")
    second = first.movies[1]
    older = asker.ask("older than the second", after=turn_of(first))
    assert describe_structure(older.structure) == (
        f"films · Thriller · year 1990 to 1999 · older than {second.title} ({second.year})"
    )
    assert all((film.year or 0) < (second.year or 0) for film in older.movies)


def test_how_many_may_be_said_next(asker: Asker) -> None:
    assert talk(asker, "thrillers", "only two", "the top 3 please")[1:] == [
        "films · Thriller · at most 2",
        "films · Thriller · at most 3",
    ]


def test_what_the_data_lacks_leaves_a_talk_where_it_was(asker: Asker) -> None:
    answer = asker.ask("in english if possible", after=turn_of(asker.ask("films like Alien")))
    assert describe_structure(answer.structure) == "films like Alien (1979)"
    assert answer.ignored[0].words == "in english"
