"""Two towers: what they are told, what they learn, how they stop and go on, where they go."""

import pickle
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from ingest.features import build_features, read_features
from learn.models.epochs import listening
from learn.models.interface import Movies, Ratings
from learn.models.two_tower.material import movie_genres, movie_record, top_genres, user_numbers
from learn.models.two_tower.model import LOSSES, FullTwoTower, TwoTower
from palate.errors import ConflictError, LoadError, MisuseError, NotFoundError, NotInstalledError
from tests.unit.ingest.test_features import DAY, MONDAY, Few
from tests.unit.learn import structured

torch = pytest.importorskip("torch", reason="the extra embed is not installed")

SMALL: Mapping[str, Any] = {"rank": 8, "batch": 64, "drawn": 32, "epochs": 6}
ODD_COLD = 10_001  # structured.COLD_FILM is of the even kind


def both_cold() -> Movies:
    """The structured films, and one of each kind that nobody rated."""
    films = structured.movies()
    assert films.years is not None
    assert films.vectors is not None
    return Movies(
        np.r_[films.movie_ids, ODD_COLD],
        [*films.genres, ("Odd",)],
        np.r_[films.years, np.float32(2000)],
        np.r_[films.vectors, films.vectors[1:2]],
    )


@pytest.fixture(scope="module")
def model() -> FullTwoTower:
    return FullTwoTower(**SMALL).fit(structured.ratings(), both_cold())


def folded(model: FullTwoTower) -> TwoTower:
    """The same towers, as SQL serves them."""
    found = TwoTower(**model.parameters())
    found.ratings = model.ratings
    found.factors_in, found.factors_out = model.factors_in, model.factors_out
    return found


def own_kind(model: TwoTower) -> float:
    """The share of what users are recommended that is of the kind they like; chance is .5."""
    shares = [
        np.mean((structured.best_films(model, user) - 100) % 2 == user % 2)
        for user in range(0, structured.USERS, 4)
    ]
    return float(np.mean(shares))


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_learns_what_kind_users_like(loss: str) -> None:
    made = FullTwoTower(**{**SMALL, "loss": loss, "epochs": 8})
    assert own_kind(made.fit(structured.ratings(), structured.movies())) > 0.7


@pytest.mark.parametrize("as_served", [False, True])
def test_a_film_without_ratings_is_known_by_its_content(
    model: FullTwoTower, as_served: bool
) -> None:
    """Of two films that nobody rated, users are given the one of the kind that they like."""
    asked = folded(model) if as_served else model
    even = asked.score(np.arange(0, structured.USERS, 2), [structured.COLD_FILM, ODD_COLD])
    odd = asked.score(np.arange(1, structured.USERS, 2), [structured.COLD_FILM, ODD_COLD])
    assert np.mean(even[:, 0] > even[:, 1]) > 0.9
    assert np.mean(odd[:, 1] > odd[:, 0]) > 0.9


def test_rating_a_film_that_nobody_rated_tells_something(model: FullTwoTower) -> None:
    served = folded(model)
    served = served.fold_in(Ratings.of([900], [ODD_COLD], [5.0]))
    found = structured.best_films(served, 900)
    assert np.mean((found - 100) % 2) > 0.5


def test_sums_point_where_the_tower_does(model: FullTwoTower) -> None:
    served = folded(model)
    users, films = np.arange(structured.USERS), 100 + np.arange(structured.FILMS)
    exact, summed = model.score(users, films), served.score(users, films)
    alike = [np.corrcoef(a, b)[0, 1] for a, b in zip(exact, summed, strict=True)]
    assert np.median(alike) > 0.8
    assert own_kind(served) > 0.75


def test_the_ridge_is_the_exact_one() -> None:
    from scipy import sparse

    from learn.models.two_tower.folding import _ridge

    draw = np.random.default_rng(0)
    rows = sparse.random(30, 12, 0.4, format="csr", rng=draw, dtype=np.float32)
    targets = draw.standard_normal((30, 3)).astype(np.float32)
    dense = rows.toarray().astype(np.float64)
    exact = np.linalg.solve(dense.T @ dense + 0.1 * np.eye(12), dense.T @ targets)
    assert _ridge(rows, targets, 0.1) == pytest.approx(exact, abs=1e-3)


def test_popular_films_are_not_punished_for_being_met_as_negatives() -> None:
    """The correction of in-batch softmax: what is met e times as often counts an e-th."""
    from learn.models.two_tower.network import Batch, softmax

    user, film = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    never = torch.zeros((1, 2), dtype=torch.bool)

    def loss(log_chance: list[float]) -> float:
        batch = Batch(
            user, film, film, torch.tensor(1.0), torch.tensor([3.5, 1.0]), torch.ones(1),
            torch.ones(1), torch.tensor(log_chance), never,
        )  # fmt: skip
        return float(softmax(batch))

    assert loss([0.0, 0.0]) == pytest.approx(np.log(2), abs=1e-5)
    assert loss([0.0, 1.0]) == pytest.approx(np.log1p(np.exp(-1)), abs=1e-5)
    assert loss([1.0, 1.0]) == pytest.approx(np.log(2), abs=1e-5)


def test_features_are_those_of_features_build(tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    lines = [
        (user, int(film), float(draw.integers(1, 11)) / 2, MONDAY + draw.uniform(0, 900) * DAY)
        for user in range(1, 9)
        for film in draw.permutation(10)[: draw.integers(1, 9)] + 1
    ]
    source = Few(lines)
    build_features(source, tmp_path / "features", test=0, validation=0)
    users = read_features(tmp_path / "features", "users").collect()
    films = read_features(tmp_path / "features", "movies").collect()

    known = Movies(films["movie_id"].to_numpy(), [tuple(g) for g in films["genres"]])
    ratings = Ratings.of(*zip(*lines, strict=True), movies=known.movie_ids)
    found = user_numbers(ratings, float(ratings.times.max()))
    logged = ["rating_count", "ratings_per_month", "recency_days"]
    expected = users.select(
        "mean_rating", "std_rating", *(pl.col(name).log1p() for name in logged), "rating_range"
    )
    assert found == pytest.approx(expected.to_numpy(), abs=1e-6)
    record = films.select("log_popularity", "mean_rating", "std_rating", "trend").to_numpy()
    record[np.isnan(record[:, 1])] = np.nan  # popularity 0 of a film that nobody rated
    assert movie_record(ratings) == pytest.approx(record, abs=1e-6, nan_ok=True)

    hot = movie_genres(known.movie_ids, known)
    names = sorted({genre for film in known.genres for genre in film})
    top = [{names[i] for i in np.flatnonzero(row)} for row in top_genres(ratings, hot)]
    assert top == [set(genres) for genres in users["top_genres"]]


class Stopped(Exception):
    """Somebody stopped the training."""


def stop_after(epoch: int) -> Any:
    def listener(reached: int, metrics: Mapping[str, float]) -> None:
        if reached > epoch:
            raise Stopped

    return listening(listener)


def test_a_training_that_was_stopped_goes_on_to_the_same_towers(
    model: FullTwoTower, tmp_path: Path
) -> None:
    stopped = FullTwoTower(**SMALL, checkpoints=tmp_path)
    with pytest.raises(Stopped), stop_after(2):
        stopped.fit(structured.ratings(), both_cold())
    epochs: list[int] = []
    again = FullTwoTower(**SMALL, checkpoints=tmp_path, resume=True)
    with listening(lambda epoch, _: epochs.append(epoch)):
        again.fit(structured.ratings(), both_cold())
    assert epochs[0] == 3
    assert np.array_equal(again.factors_out, model.factors_out)
    assert np.array_equal(again.factors_in, model.factors_in)
    assert len(list(tmp_path.iterdir())) == 1
    again.forget_checkpoints()
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path) -> None:
    short = {**SMALL, "epochs": 1}
    FullTwoTower(**short, checkpoints=tmp_path).fit(structured.ratings(), both_cold())
    other = FullTwoTower(**{**short, "dropout": 0.1}, checkpoints=tmp_path, resume=True)
    with pytest.raises(ConflictError, match="other ratings, films or parameters"):
        other.fit(structured.ratings(), both_cold())
    [path] = tmp_path.iterdir()
    path.write_bytes(b"nothing")
    again = FullTwoTower(**short, checkpoints=tmp_path, resume=True)
    with pytest.raises(LoadError, match="no checkpoint"):
        again.fit(structured.ratings(), both_cold())


class Mischief:
    """What a pickle can do to who loads it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("mischief"),)


def test_a_checkpoint_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from learn.models.two_tower.training import load_checkpoint

    monkeypatch.chdir(tmp_path)
    (tmp_path / "pickled.pt").write_bytes(pickle.dumps(Mischief()))
    torch.save({"about": Mischief()}, tmp_path / "saved.pt")
    for name in ("pickled.pt", "saved.pt"):
        with pytest.raises(LoadError):
            load_checkpoint(tmp_path / name, "")
    assert not (tmp_path / "mischief").exists()


def test_training_stops_when_it_gets_no_better_and_keeps_the_best() -> None:
    reached: list[float] = []
    made = FullTwoTower(**{**SMALL, "epochs": 40, "patience": 2})
    with listening(lambda _, metrics: reached.append(metrics["validation"])):
        made.fit(structured.ratings(), structured.movies())
    assert len(reached) < 40
    assert int(np.argmax(reached)) == len(reached) - 3


def test_training_leaves_the_callers_draws_alone() -> None:
    before = torch.get_rng_state()
    FullTwoTower(**{**SMALL, "epochs": 1}).fit(structured.ratings())
    assert torch.equal(torch.get_rng_state(), before)


def test_vectors_are_written_and_make_a_model_again(model: FullTwoTower, tmp_path: Path) -> None:
    from learn.tower_vectors import read_vectors, write_vectors

    write_vectors(model, tmp_path)
    again = read_vectors(tmp_path, structured.ratings())
    users, films = model.ratings.user_ids, model.movie_ids
    assert np.array_equal(again.score(users, films), folded(model).score(users, films))
    assert again.parameters() == model.parameters()

    written = pl.read_parquet(tmp_path / "users.parquet")
    vectors = written["vector"].to_numpy()
    assert np.array_equal(vectors, np.load(tmp_path / "user_vectors.npy"))
    assert written["user_id"].to_list() == users.tolist()
    exact = model.score(users, films)
    assert vectors @ np.load(tmp_path / "movie_vectors.npy").T == pytest.approx(exact, abs=1e-5)
    films_written = pl.read_parquet(tmp_path / "movies.parquet")
    assert np.array_equal(films_written["factors_in"].to_numpy(), model.factors_in)


def test_vectors_that_do_not_fit_are_refused(model: FullTwoTower, tmp_path: Path) -> None:
    from learn.tower_vectors import read_vectors, write_vectors

    with pytest.raises(NotFoundError, match=r"There is no .*movie_ids\.npy"):
        read_vectors(tmp_path, structured.ratings())
    write_vectors(model, tmp_path)
    (tmp_path / "parameters.json").write_text('{"colour": "red"}')
    with pytest.raises(LoadError, match="holds no parameters"):
        read_vectors(tmp_path, structured.ratings())
    np.save(tmp_path / "factors_in.npy", model.factors_in[:-1])
    with pytest.raises(LoadError, match="do not fit each other"):
        read_vectors(tmp_path, structured.ratings())
    (tmp_path / "factors_in.npy").write_bytes(pickle.dumps(Mischief()))
    with pytest.raises(LoadError, match="no NumPy array"):
        read_vectors(tmp_path, structured.ratings())


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"loss": "hinge"}, "no loss hinge"),
        ({"batch": 1}, "batch is 2 or more"),
        ({"epochs": 0}, "1 or more"),
        ({"dropout": 1.0}, "less than 1"),
        ({"fold_l2": 0.0}, "fold_l2"),
    ],
)
def test_parameters_that_nothing_can_be_trained_with(given: dict[str, Any], what: str) -> None:
    with pytest.raises(MisuseError, match=what):
        TwoTower(**given)


def test_a_device_that_is_not_there() -> None:
    for name in ("cuda:99", "abacus"):
        with pytest.raises(MisuseError, match=f"no device {name} here"):
            TwoTower(device=name).fit(structured.ratings())


def test_too_few_ratings() -> None:
    with pytest.raises(MisuseError, match="too few ratings"):
        TwoTower().fit(Ratings.of([1, 1], [1, 2], [3.0, 4.0]))


def test_without_pytorch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(NotInstalledError, match=r"\[embed\]"):
        TwoTower().fit(structured.ratings())


def test_pytorch_is_loaded_when_it_is_needed() -> None:
    script = "import sys, learn.models.families, learn.train; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "False"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_a_gpu_learns_as_well() -> None:
    made = FullTwoTower(**SMALL, device="cuda")
    assert own_kind(made.fit(structured.ratings(), structured.movies())) > 0.75
