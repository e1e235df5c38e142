"""Rows of binary COPY, held against PostgreSQL's description of the format."""

import struct

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sql.binary_copy import END, HEADER, encode_copy, encode_rows, encode_times


@given(st.lists(st.integers(-(2**63), 2**63 - 1)), st.integers(0, 2**63 - 1))
def test_a_whole_number_is_a_bigint_and_one_stands_for_all(ids: list[int], model: int) -> None:
    rows = encode_rows(np.array(ids, np.int64), model)
    assert list(struct.iter_unpack(">hiqiq", rows)) == [(2, 8, one, 8, model) for one in ids]


@given(arrays.arrays(np.float32, (3, 5), elements=st.floats(width=32, allow_nan=False)))
def test_numbers_are_reals_and_their_rows_vectors(numbers: np.ndarray) -> None:
    rows = encode_rows(np.arange(3), numbers[:, 0], numbers)
    found = list(struct.iter_unpack(">hiqif" + "ihh5f", rows))
    assert found == [
        (3, 8, at, 4, row[0], 24, 5, 0, *row) for at, row in enumerate(numbers.tolist())
    ]


def test_a_copy_has_a_head_and_an_end_without_rows_too() -> None:
    none = encode_copy(np.zeros(0, np.int64), 7, np.zeros((0, 4), np.float32))
    assert none == HEADER + END == b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\xff\xff"


def test_times_count_microseconds_since_2000() -> None:
    assert encode_times(np.array([0.0, 946_684_800.0, 946_684_801.5])).tolist() == [
        -946_684_800_000_000,
        0,
        1_500_000,
    ]
