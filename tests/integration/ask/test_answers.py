"""Requests answered on the sample: by the same search, honestly where something is missing."""

import pytest

from ask.answer import Asker
from ask.structure import Person, Structure
from palate.errors import MisuseError, NotFoundError
from rerank.search import Searcher
from sql.database import Database

LOVER, HATER = 20001, 20002


@pytest.fixture(scope="module")
def asker(sample_database: Database) -> Asker:
    return Asker(sample_database, Searcher(sample_database))


def test_the_request_of_the_readme(asker: Asker, sample_database: Database) -> None:
    answer = asker.ask(
        "dark thrillers from the nineties with a big budget, nothing with Tom Hanks, for user 5"
    )
    assert answer.personalized
    assert len(answer.hits) == 10
    for hit in answer.hits:
        assert "Thriller" in hit.genres
        assert hit.year is not None
        assert 1990 <= hit.year <= 1999
        assert hit.director != "Tom Hanks"
    with sample_database.read() as connection:
        cheap = connection.exec_driver_sql(
            "SELECT count(*) FROM movies WHERE movie_id = ANY(%s) AND budget < 25000000",
            ([hit.movie_id for hit in answer.hits],),
        ).scalar_one()
    assert cheap == 0


def test_a_search_without_words_is_ordered_by_taste(asker: Asker) -> None:
    lover = asker.ask("adventures from the 2000s", user_id=LOVER, k=30)
    hater = asker.ask("adventures from the 2000s", user_id=HATER, k=30)
    assert lover.read_as == "genres:Adventure AND year:[2000 TO 2009]"
    fantasy = [sum("Fantasy" in m.genres for m in each.movies[:10]) for each in (lover, hater)]
    assert fantasy[0] > fantasy[1]
    for movie in lover.movies:
        assert sum(movie.contributions.values()) == pytest.approx(movie.score)


def test_films_like_a_film_that_fit_the_rest(asker: Asker) -> None:
    answer = asker.ask("comedies like The Matrix from the nineties", k=5)
    assert [movie.rank for movie in answer.similar] == [1, 2, 3, 4, 5]
    for movie in answer.similar:
        assert "Comedy" in movie.genres
        assert movie.year is not None
        assert 1990 <= movie.year <= 1999


def test_recommended_films_are_unseen(asker: Asker) -> None:
    answer = asker.ask(f"recommend 20 fantasy films for user {LOVER}")
    assert answer.movies == ()
    other = asker.ask("recommend 20 fantasy films for user 3")
    assert len(other.movies) == 20
    assert all(movie.rating is None for movie in other.movies)


def test_intents_about_users_and_films(asker: Asker) -> None:
    predicted = asker.ask(f"would user {LOVER} like Shrek?").prediction
    assert predicted is not None
    assert predicted.low <= predicted.value <= predicted.high
    compared = asker.ask("compare Jaws, Alien and Shrek").comparison
    assert compared is not None
    assert [movie.title for movie in compared.movies] == ["Jaws", "Alien", "Shrek"]
    summed = asker.ask(f"what does user {HATER} like?").preferences
    assert summed is not None
    assert summed.level < -1


def test_what_the_catalog_does_not_have_is_said(asker: Asker) -> None:
    answer = asker.ask("films starring Meryl Streep")
    assert answer.not_found == ("Meryl Streep",)
    assert not answer.hits
    assert not answer.movies
    alone = asker.ask("comparison of nothing: compare Jaws and Xyzzyplugh")
    assert alone.comparison is None
    assert alone.hits
    assert asker.ask("films like Xyzzyplugh").similar == ()
    assert asker.ask("would user 5 like Xyzzyplugh").prediction is None


def test_people_together_or_any_of_them(asker: Asker) -> None:
    answer = asker.ask("anything by Hayao Miyazaki and Tim Burton")
    assert {movie.director for movie in answer.movies} == {"Hayao Miyazaki", "Tim Burton"}
    assert "any of them" in " ".join(answer.notes)


def test_words_that_no_film_has_are_left_out_and_said(asker: Asker) -> None:
    answer = asker.ask("qwertyish westerns")
    assert all("Western" in movie.genres for movie in answer.movies)
    assert "qwertyish" in " ".join(answer.notes)


def test_a_structure_runs_as_it_was_read_and_as_it_was_changed(asker: Asker) -> None:
    first = asker.ask("five westerns before 1970")
    again = asker.run(first.structure)
    assert [m.movie_id for m in again.movies] == [m.movie_id for m in first.movies]
    changed = first.structure.model_copy(
        update={
            "k": 2,
            "people": (Person(name="sergio leone"),),
            "exclude": first.structure.exclude,
        }
    )
    assert [m.director for m in asker.run(changed).movies] == ["Sergio Leone"] * 2


def test_user_text_never_becomes_syntax(asker: Asker) -> None:
    answer = asker.run(Structure(text='title:lord OR year:1999) "dark knight" *'))
    assert answer.read_as == 'title AND lord AND year AND 1999 AND "dark knight"'


def test_unknown_users_get_the_unpersonalised_answer(asker: Asker) -> None:
    answer = asker.ask("comedies for user 987654321")
    assert answer.movies
    assert not answer.personalized
    assert "unknown" in (answer.why_not_personalized or "")


@pytest.mark.parametrize(
    "request_",
    ["", "   ", "would they like Shrek?", "x" * 501, "films for user 9999999999999999999"],
)
def test_what_cannot_be_answered_is_misuse(asker: Asker, request_: str) -> None:
    with pytest.raises(MisuseError, match="Nothing was done"):
        asker.ask(request_)


def test_nothing_is_summed_up_of_nobody(asker: Asker) -> None:
    with pytest.raises(NotFoundError):
        asker.ask("what does user 987654321 like?")


def test_limits_hold_for_structures(asker: Asker) -> None:
    with pytest.raises(MisuseError, match="PALATE_MAX_K"):
        asker.run(Structure(k=1000))


@pytest.mark.parametrize("request_", ["?????", "the the the", "for user 5"])
def test_a_request_that_says_nothing_of_films_is_answered_with_a_note(
    asker: Asker, request_: str
) -> None:
    answer = asker.ask(request_, k=2)
    assert len(answer.movies) == 2
    assert answer.notes == (
        "The request says nothing of the films that are wanted: all are meant.",
    )


def test_an_empty_catalog_is_said_to_be_empty(database: Database) -> None:
    answer = Asker(database, Searcher(database)).ask("compare Jaws and Alien")
    assert answer.comparison is None
    assert answer.notes[0].startswith("There are no films yet")


def test_a_number_that_is_no_film_is_like_none(asker: Asker) -> None:
    with pytest.raises(NotFoundError, match="Give its movie_id"):
        asker.names.find("99999999")


def test_words_reach_nobodys_taste_but_the_callers(asker: Asker) -> None:
    answer = asker.ask("fantasy films for user 20002", user_id=LOVER)
    assert answer.structure.user_id == LOVER
    assert f"Asked for user {LOVER}: user 20002 in the words is left out." in answer.notes
    assert asker.ask("fantasy films for user 20002").structure.user_id == HATER
    assert asker.ask("what does user 20002 like?", user_id=LOVER).structure.user_id == LOVER
