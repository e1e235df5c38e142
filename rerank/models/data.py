"""What models learn from, read from the database."""

import dataclasses
from pathlib import Path

import numpy as np

from rerank.models.interface import Movies
from sql.database import Database
from sql.statements import Statements

_statements = Statements(Path(__file__).parent / "statements" / "data.sql")


def read_movies(database: Database, *, vectors: bool = True) -> Movies:
    """Every film, with what enrichment says of it and, unless not wanted, centred text vectors, 0
    where a film has none."""
    with database.begin(patient=True) as connection:
        rows = connection.execute(_statements["movies"]).all()
        ids = np.array([row.movie_id for row in rows], np.int64)
        years = np.array([row.year if row.year else np.nan for row in rows], np.float32)
        genres, traits = [tuple(row.genres) for row in rows], [tuple(row.traits) for row in rows]
        found = Movies(ids, genres, years, traits=traits)
        if not vectors:
            return found
        matrix = np.zeros((len(ids), 384), np.float32)
        for movie_id, vector in connection.execute(_statements["vectors"]):
            matrix[np.searchsorted(ids, movie_id)] = np.fromstring(
                vector[1:-1], np.float32, sep=","
            )
    return dataclasses.replace(found, vectors=matrix)
