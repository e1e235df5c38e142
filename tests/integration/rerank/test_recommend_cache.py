"""Recommendations that are kept: each for its own person, and no longer than they hold."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from palate.contract import Recommendations, RecommendRequest
from palate.metrics import REGISTRY
from rerank.cache import RecommendCache
from rerank.recommend import recommend
from sql.database import Database
from tests.integration.rerank.test_events import CASINO, HEAT, KNIGHT, RING, add, ask


class Worker:
    """One of several processes that serve: with a cache of its own, of answers kept for an hour."""

    def __init__(self, database: Database) -> None:
        self.database, self.cache = database, RecommendCache(3600)

    def ask(self, user_id: int | None, **asked: Any) -> Recommendations:
        request = RecommendRequest(user_id=user_id, k=20, **asked)
        return recommend(self.database, request, cache=self.cache)


def counted(outcome: str) -> float:
    return REGISTRY.get_sample_value("palate_recommendations_total", {"outcome": outcome}) or 0


def ids(answer: Recommendations) -> list[int]:
    return [movie.movie_id for movie in answer.movies]


def test_who_asks_again_gets_what_was_kept_as_another_answer(films: Database) -> None:
    worker, kept, made = Worker(films), counted("kept"), counted("made")
    first, again = worker.ask(1), worker.ask(1)
    assert (counted("kept") - kept, counted("made") - made) == (1, 1)
    assert again.answer_id != first.answer_id, "feedback tells the two apart"
    assert again.movies is first.movies
    assert RING in ids(again)
    assert RING not in ids(worker.ask(1, exclude=(RING,))), "another request"


@pytest.mark.parametrize(
    "statement",
    [
        f"INSERT INTO events (user_id, type, movie_id) VALUES (1, 'muted', {KNIGHT})",
        f"INSERT INTO ratings (user_id, movie_id, rating) VALUES (1, {KNIGHT}, 5)",
        "UPDATE mixer SET novelty = 9",
        "UPDATE blend SET popularity = 9",
        "INSERT INTO models (name, version, kind, state) VALUES ('x', 1, 'order', 'active')",
    ],
)
def test_what_is_written_by_sql_counts_at_once_in_every_process(
    films: Database, statement: str
) -> None:
    workers = [Worker(films), Worker(films)]
    before = [worker.ask(1) for worker in workers]
    ask(films, statement)
    fresh = recommend(films, RecommendRequest(user_id=1, k=20))
    for worker, old in zip(workers, before, strict=True):
        found = worker.ask(1)
        assert found.movies is not old.movies
        assert found.movies == fresh.movies


def test_an_event_that_is_taken_back_leaves_no_trace(films: Database) -> None:
    worker = Worker(films)
    before = worker.ask(1)
    add(films, 1, {"type": "not_interested", "movie_id": KNIGHT, "event_id": "no"})
    assert KNIGHT not in ids(worker.ask(1))
    ask(films, "DELETE FROM events WHERE event_id = 'no'")
    assert ids(worker.ask(1)) == ids(before)


def test_rules_count_at_once(films: Database, tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    films.settings = films.settings.model_copy(update={"rules_file": file})
    worker = Worker(films)

    def write(*rules: dict[str, Any]) -> None:
        file.write_text(json.dumps({"rules": rules}))

    write()
    assert HEAT in ids(worker.ask(9))
    write({"name": "no heat", "films": {"movie_ids": [HEAT]}, "remove": True})
    assert HEAT not in ids(worker.ask(9))


def test_a_hundred_users_at_once_see_their_own_answers_only(films: Database) -> None:
    worker, people = Worker(films), range(100, 200)

    def live(user: int) -> None:
        """Somebody who asks, turns a film of their own away and asks again, and again."""
        theirs, other = 1 + user % 12, 1 + (user + 5) % 12
        add(films, user, {"type": "not_interested", "movie_id": theirs})
        for _ in range(2):
            found = worker.ask(user)
            assert found.user_id == user
            assert theirs not in ids(found)
            assert other in ids(found)
        add(films, user, {"type": "liked", "movie_id": other})
        for _ in range(2):
            assert not {theirs, other} & set(ids(worker.ask(user)))
        alone = recommend(films, RecommendRequest(user_id=user, k=20))
        assert worker.ask(user).movies == alone.movies

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(live, people))


def test_nobody_and_a_profile_have_answers_of_their_own(films: Database) -> None:
    worker = Worker(films)
    nobody, main = worker.ask(None), worker.ask(1)
    kids = worker.ask(1, profile="kids")
    assert (nobody.user_id, main.personalized, kids.personalized) == (None, True, False)
    liked = f"(1, 'kids', 'liked', {CASINO})"
    ask(films, f"INSERT INTO events (user_id, profile, type, movie_id) VALUES {liked}")
    assert CASINO not in ids(worker.ask(1, profile="kids"))
    assert worker.ask(1).movies is main.movies
