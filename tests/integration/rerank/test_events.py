"""Events become taste as ratings do, whatever way they come."""

import json
from typing import Any

import psycopg
import pytest

from sql.database import Database

RING, WAR, ILLUSIONS, DOGTOWN, CRYSTAL, WILLOW, HEAT, CASINO, KNIGHT, MATRIX = range(1, 11)


def ask(database: Database, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(database.psql_url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode(), values)
        return cursor.fetchall() if cursor.description else []


def add(database: Database, user_id: int, *events: dict[str, Any]) -> list[str]:
    """What became of each event."""
    found = ask(database, "SELECT outcome FROM add_events(%s, %s)", user_id, json.dumps(events))
    return [outcome for (outcome,) in found]


def taste(database: Database, user_id: int) -> tuple[int, int, bool] | None:
    found = ask(
        database,
        "SELECT rating_count, event_count, embedding IS NOT NULL FROM users WHERE user_id = %s",
        user_id,
    )
    return found[0] if found else None


def likeness(database: Database, user_id: int, movie_id: int) -> float:
    """The cosine of a user's taste and a film."""
    ((found,),) = ask(
        database,
        "SELECT 1 - (u.embedding <=> (m.embedding - e.mean)) FROM users u, movies m, "
        "embedding_model e WHERE u.user_id = %s AND m.movie_id = %s",
        user_id,
        movie_id,
    )
    return float(found)


def test_one_event_makes_a_taste(films: Database) -> None:
    assert add(films, 7, {"type": "watched", "movie_id": WILLOW}) == ["accepted"]
    assert taste(films, 7) == (0, 1, True)
    assert likeness(films, 7, CRYSTAL) > 0 > likeness(films, 7, HEAT)


def test_a_negative_event_pushes_away(films: Database) -> None:
    add(films, 7, {"type": "disliked", "movie_id": HEAT})
    assert likeness(films, 7, CASINO) < 0 < likeness(films, 7, CRYSTAL)


def test_of_one_film_the_last_word_counts(films: Database) -> None:
    add(films, 7, {"type": "liked", "movie_id": HEAT, "happened_at": "2024-01-01"})
    add(films, 7, {"type": "watched", "movie_id": HEAT, "happened_at": "2024-01-02"})
    assert likeness(films, 7, CASINO) > 0
    add(films, 7, {"type": "rated", "rating": 1, "movie_id": HEAT, "happened_at": "2024-01-03"})
    assert taste(films, 7) == (1, 0, True)
    assert likeness(films, 7, CASINO) < 0
    add(films, 7, {"type": "liked", "movie_id": HEAT, "happened_at": "2024-01-04"})
    assert taste(films, 7) == (1, 0, True)
    assert likeness(films, 7, CASINO) > 0


def test_an_event_sent_twice_counts_once(films: Database) -> None:
    event = {"type": "rated", "rating": 5, "movie_id": HEAT, "event_id": "one"}
    assert add(films, 7, event, event) == ["accepted", "known"]
    assert add(films, 7, event | {"event_id": "two", "rating": 2}) == ["accepted"]
    assert add(films, 7, event) == ["known"]
    assert ask(films, "SELECT rating FROM ratings WHERE user_id = 7") == [(2.0,)]
    timed = {"type": "watched", "movie_id": CASINO, "happened_at": "2024-05-01T20:00:00Z"}
    assert add(films, 7, timed) == ["accepted"]
    assert add(films, 7, timed) == ["known"], "without an id, by what it says"


@pytest.mark.parametrize(
    "other",
    [
        {"movie_id": CASINO},
        {"type": "liked", "rating": None},
        {"rating": 3},
        {"happened_at": "2024-01-04T00:00:00Z"},
    ],
)
def test_an_id_of_another_event_is_refused(films: Database, other: dict[str, object]) -> None:
    event = {"type": "rated", "rating": 5, "movie_id": HEAT, "event_id": "one",
             "happened_at": "2024-01-03T00:00:00Z"}  # fmt: skip
    assert add(films, 7, event, event | other, event) == ["accepted", "refused", "known"]
    assert add(films, 7, event | other, event) == ["refused", "known"]
    assert add(films, 8, event | other) == ["accepted"], "somebody else's ids are their own"
    assert ask(films, "SELECT movie_id, rating FROM ratings WHERE user_id = 7") == [(HEAT, 5.0)]
    wrong = event | {"movie_id": 4711}
    assert add(films, 9, wrong, event) == ["refused", "accepted"], "what is refused has no id"


def test_a_rating_makes_a_taste_once_by_whichever_way_it_comes(films: Database) -> None:
    ask(films, "CREATE TABLE made (user_id bigint)")
    ask(
        films,
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN INSERT INTO palate.made VALUES (NEW.user_id); RETURN NULL; END'",
    )
    ask(films, "CREATE TRIGGER made AFTER UPDATE ON users FOR EACH ROW EXECUTE FUNCTION note()")
    add(films, 7, {"type": "rated", "rating": 5, "movie_id": HEAT, "event_id": "one"})
    assert ask(films, "SELECT user_id FROM made") == [(7,)]
    assert taste(films, 7) == (1, 0, True)
    ask(films, "DELETE FROM events WHERE event_id = 'one'")
    assert ask(films, "SELECT user_id FROM made") == [(7,), (7,)]
    assert taste(films, 7) == (0, 0, False)


def test_what_is_undone_was_not(films: Database) -> None:
    add(films, 7, {"type": "rated", "rating": 5, "movie_id": HEAT, "event_id": "one"})
    add(films, 7, {"type": "rated", "rating": 2, "movie_id": HEAT, "event_id": "two"})
    add(films, 7, {"type": "liked", "movie_id": WILLOW, "event_id": "three"})
    ask(films, "DELETE FROM events WHERE event_id = 'two'")
    assert ask(films, "SELECT rating FROM ratings WHERE user_id = 7") == [(5.0,)]
    ask(films, "DELETE FROM events WHERE event_id = 'one'")
    assert ask(films, "SELECT rating FROM ratings WHERE user_id = 7") == []
    assert taste(films, 7) == (0, 1, True)
    ask(films, "DELETE FROM events WHERE event_id = 'three'")
    assert taste(films, 7) == (0, 0, False)


def test_a_rating_that_is_taken_back_is_no_event_any_more(films: Database) -> None:
    add(films, 7, {"type": "rated", "rating": 5, "movie_id": HEAT})
    ask(films, "DELETE FROM ratings WHERE user_id = 7")
    assert ask(films, "SELECT FROM events") == []


def test_a_wrong_line_is_refused_and_the_others_are_not(films: Database) -> None:
    events = [
        {"type": "watched", "movie_id": WILLOW},
        {"type": "watched", "movie_id": 4711},
        {"type": "devoured", "movie_id": WILLOW},
        {"type": "rated", "movie_id": WILLOW},
        {"type": "rated", "movie_id": WILLOW, "rating": 6},
        {"type": "liked", "movie_id": WILLOW, "happened_at": "2999-01-01"},
        {"type": "liked", "genre": "Fantasy"},
        {"type": "pinned", "genre": "Fantasi"},
        {"type": "watched"},
    ]
    found = ask(films, "SELECT line, outcome, reason FROM add_events(7, %s)", json.dumps(events))
    assert [outcome for _, outcome, _ in found] == ["accepted"] + ["refused"] * 8
    assert [reason for _, _, reason in found] == [
        None,
        "film 4711 is unknown",
        "there is no type 'devoured' of events, but rated, clicked, disliked, liked, muted, "
        "not_interested, pinned, saved, watched",
        "`rated` needs a rating, and nothing else has one",
        "6 is not on the scale from 0.5 to 5",
        "its time is in the future",
        "only a pin or a mute may tell of a genre",
        "no film is of the genre 'Fantasi'",
        "it tells of no film, or of a film and a genre",
    ]


def test_a_genre_is_pinned_and_muted(films: Database) -> None:
    add(films, 7, {"type": "liked", "movie_id": MATRIX}, {"type": "pinned", "genre": "Fantasy"})
    assert likeness(films, 7, CRYSTAL) > 0.5
    add(films, 7, {"type": "muted", "genre": "fantasy"})  # in any case, as in a search
    assert likeness(films, 7, CRYSTAL) < 0
    away = {movie_id for (movie_id,) in ask(films, "SELECT turned_away(7)")}
    assert away == {RING, ILLUSIONS, CRYSTAL, WILLOW}


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO events (user_id, type, movie_id) SELECT u, 'liked', m "
        "FROM generate_series(1, 3) u, generate_series(1, 9) m",
        "INSERT INTO events (user_id, type, movie_id, rating, happened_at) VALUES "
        "(1, 'rated', 5, 1, '2024-01-01'), (1, 'rated', 5, 2, '2023-01-01'), "
        "(4, 'rated', 5, 3, now())",
        "DELETE FROM events WHERE user_id = 1",
        "DELETE FROM ratings WHERE user_id = 2",
        "TRUNCATE ratings",
        "TRUNCATE events",
    ],
)
def test_triggers_and_a_refresh_make_the_same(films: Database, statement: str) -> None:
    model = (
        "INSERT INTO models (kind, name, version, state) VALUES ('factors', 'm', 1, 'active');"
        "INSERT INTO movie_factors SELECT movie_id, 1, ARRAY[sin(movie_id), 1]::vector, '[1,1]'"
        " FROM movies; SELECT refresh_user_factors(1)"
    )
    for one in model.split(";"):
        ask(films, one)
    add(films, 1, {"type": "liked", "movie_id": RING}, {"type": "pinned", "genre": "Crime"})
    ask(films, statement)
    look = (
        "SELECT u.user_id, u.rating_count, u.event_count, round(u.weight_sum::numeric, 4), "
        "round(vector_norm(u.embedding_sum)::numeric, 4), "
        "round(vector_norm(f.factors)::numeric, 4) "
        "FROM users u LEFT JOIN user_factors f USING (user_id, profile) ORDER BY 1"
    )
    made = ask(films, look)
    ask(films, "UPDATE users SET rating_count = -1")
    ask(films, "UPDATE user_factors SET factors = '[7,7]'")
    ask(films, "SELECT refresh_profiles(), refresh_user_factors(1)")
    assert ask(films, look) == made


def test_a_name_stands_for_a_user(films: Database) -> None:
    ((unknown, made, again, known),) = ask(
        films,
        "SELECT user_named('ann@example.org'), name_user('ann@example.org'), "
        "name_user('ann@example.org'), user_named('42')",
    )
    assert unknown is None
    assert made == again >= 2**52
    assert made < 2**53
    assert known == 42
    ask(films, f"INSERT INTO ratings (user_id, movie_id, rating) VALUES ({made}, 5, 5)")
    found = "SELECT array_agg(movie_id), bool_and(personalized)"
    orders = f"{found} FROM search('lord', for_user => {{}})"
    by_name, by_number = (ask(films, orders.format(who)) for who in ("'ann@example.org'", made))
    assert by_name == by_number
    assert by_name[0][1] is True
    strangers = ask(films, orders.format("'nobody@example.org'"))
    assert strangers == ask(films, orders.format("NULL"))


def test_taste_is_told_in_both_directions(films: Database) -> None:
    found = ask(films, "SELECT kind, name, share FROM taste_of(1)")
    shares = {(kind, name): share for kind, name, share in found}
    assert shares["genre", "Fantasy"] > 0 > shares["genre", "Crime"]
    assert shares["person", "Ron Howard"] > 0 > shares["person", "Michael Mann"]
    for kind in ("genre", "person", "film"):
        assert sum(abs(s) for (k, _), s in shares.items() if k == kind) == pytest.approx(1)
