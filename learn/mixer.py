"""Weights of the mixer, tuned so that films that people went on to like stand high among what is
recommended to them."""

import json
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from learn.blend import TunedBlend, climb, refuse_worse
from learn.candidates import Floats
from learn.data import statements
from learn.held_out import TUNED_ON, Held, hold_out
from learn.queries import LIKED
from palate.errors import MisuseError
from sql.database import Database

TUNED = ("content", "collaborative", "popularity", "vote", "novelty")
"""Parts that ratings tell about; nobody has asked for a text or for films alike, and what trended
when a film was rated is not known."""

_PEOPLE = 400
_TOP = 10
_DISCOUNTS = 1 / np.log2(np.arange(2, _TOP + 2))


class MixerTuner:
    """nDCG@10 of weights on what is recommended to some people."""

    def __init__(self, lists: Sequence[tuple[Floats, NDArray[np.bool_], int]]) -> None:
        """``lists``: of each person the parts (len(TUNED), c) of c candidates, which of them were
        liked later (c,), and how many films were, candidates or not."""
        self._lists = lists

    def ndcg(self, weights: Floats) -> float:
        """The mean of all people."""
        gains = []
        for parts, liked, wanted in self._lists:
            best = np.argsort(-(weights @ parts), kind="stable")[:_TOP]
            ideal = _DISCOUNTS[: min(wanted, _TOP)].sum()
            gains.append((liked[best] * _DISCOUNTS[: len(best)]).sum() / ideal)
        return float(np.mean(gains)) if gains else 0.0

    def tune(self, start: Floats) -> Floats:
        """The best weights found, which add up to 1."""
        there = np.sum([np.abs(parts).sum(axis=1) for parts, _, _ in self._lists], axis=0) > 0
        return climb(start, there, self.ndcg)


def tune_mixer(
    database: Database, *, seed: int = 0, tell: Callable[[str], None] = lambda _: None
) -> TunedBlend:
    """Tune the weights on what people liked among their last ratings, with the active factors'
    family trained without these. Nothing live is changed.

    Raises MisuseError when there is nothing to tune on, ScratchError without the right to make a
    schema.
    """
    with database.read() as connection:
        now = connection.execute(statements["mixer"]).scalar_one()
    before = {name: float(now[name]) for name in TUNED}
    tell("holding out each user's last ratings")
    with hold_out(database, (TUNED_ON,)) as held:
        held.learn_active(database)
        with held.database.begin(patient=True) as connection:
            connection.execute(statements["refresh_neighbours"])
        lists = _fetch(held, seed, tell)
    if len(lists) < 2:
        raise MisuseError(
            "Fewer than two people went on to like a film. Nothing was tuned. Load ratings."
        )
    tell("tuning the mixer")
    start = np.array([max(before[name], 0.05) for name in TUNED])
    tuned = MixerTuner(lists[::2]).tune(start)
    checked = MixerTuner(lists[1::2])
    was, is_now = checked.ndcg(np.array(list(before.values()))), checked.ndcg(tuned)
    final = MixerTuner(lists).tune(tuned)
    scale = sum(before.values()) or 1.0  # what is not tuned keeps its part beside the others
    after = {name: round(float(w) * scale, 4) for name, w in zip(TUNED, final, strict=True)}
    return TunedBlend(before, after, was, is_now, len(lists[1::2]))


def _fetch(
    held: Held, seed: int, tell: Callable[[str], None]
) -> list[tuple[Floats, NDArray[np.bool_], int]]:
    """What is recommended to people who liked something later, and which of it that was."""
    wanted = _liked_later(held)
    people = np.random.default_rng(seed).permutation(sorted(wanted))[:_PEOPLE].tolist()
    lists = []
    with held.database.read() as connection:
        for number, person in enumerate(people):
            tell(f"recommending to {number + 1} of {len(people)} people")
            rows = statements.fetch(connection, "mixed", {"user_id": person})
            parts = np.array([[row[name] or 0.0 for row in rows] for name in TUNED], np.float64)
            liked = np.array([row["movie_id"] in wanted[person] for row in rows], np.bool_)
            lists.append((parts, liked, len(wanted[person])))
    return lists


def _liked_later(held: Held) -> Mapping[int, set[int]]:
    """The films that each person liked among those held out."""
    known, every = held.training, held.ratings
    taught = set(zip(known.user_ids[known.rows], known.movie_ids[known.columns], strict=True))
    liked: dict[int, set[int]] = {}
    late = np.flatnonzero(every.values >= LIKED)
    for user, movie in zip(
        every.user_ids[every.rows[late]], every.movie_ids[every.columns[late]], strict=True
    ):
        if (user, movie) not in taught:
            liked.setdefault(int(user), set()).add(int(movie))
    return liked


def apply_mixer(database: Database, tuned: TunedBlend, *, force: bool = False) -> None:
    """Use the tuned weights from the next recommendation on.

    Raises ConflictError when the stored weights do better, unless ``force``.
    """
    refuse_worse(tuned, force=force)
    with database.begin() as connection:
        connection.execute(statements["use_mixer"], {"weights": json.dumps(dict(tuned.after))})
