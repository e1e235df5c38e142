"""COPY's binary format, many rows at a time: whole arrays instead of value by value.

The format: https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
END = b"\xff\xff"

_YEAR_2000 = 946_684_800  # seconds since 1970


def encode_copy(*columns: ArrayLike) -> bytes:
    """All that one COPY is sent, for the rows of ``encode_rows``."""
    return HEADER + encode_rows(*columns) + END


def encode_rows(*columns: ArrayLike) -> bytes:
    """The n rows of a table, between HEADER and END: one array a column.

    Whole numbers (n,) become bigint or timestamptz, float32 (n,) real, float32 (n, d) pgvector's
    vector of d numbers. A number stands for n equal ones behind the first column.
    """
    arrays = [np.asarray(column) for column in columns]
    layout = [("values", ">i2"), *((f"{at}", _value(array)) for at, array in enumerate(arrays))]
    rows = np.zeros(len(arrays[0]), layout)
    rows["values"] = len(arrays)
    for at, array in enumerate(arrays):
        value = rows[f"{at}"]
        value["bytes"] = value.dtype.itemsize - 4
        value["value"] = array
        if array.ndim == 2:
            value["dimension"] = array.shape[1]
    return rows.tobytes()


def encode_times(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    """Seconds since 1970 (n,) as timestamptz holds them: microseconds since 2000."""
    return np.rint((seconds - _YEAR_2000) * 1e6).astype(np.int64)


def _value(column: NDArray[np.generic]) -> np.dtype[np.void]:
    """A value behind its length, numbers big end first."""
    if column.dtype.kind in "iu":
        return np.dtype([("bytes", ">i4"), ("value", ">i8")])
    if column.ndim < 2:
        return np.dtype([("bytes", ">i4"), ("value", ">f4")])
    vector = (">f4", (column.shape[1],))
    return np.dtype([("bytes", ">i4"), ("dimension", ">i2"), ("unused", ">i2"), ("value", *vector)])
