"""What is tried again where the database ended it for the sake of another."""

import pytest
import structlog

from palate.errors import DeadlockError
from sql.faults import again


def test_what_is_tried_again_is_not_logged_with_what_it_was_given() -> None:
    tries = []

    @again
    def rate(user: str) -> str:
        tries.append(user)
        if len(tries) == 1:
            raise DeadlockError("Two writers waited for each other.", "deadlock detected")
        return user

    with structlog.testing.capture_logs() as logged:
        assert rate("ann@example.org") == "ann@example.org"
    assert len(tries) == 2
    assert "ann@example.org" not in str(logged)


def test_the_third_failure_is_told() -> None:
    tries = []

    @again
    def rate() -> None:
        tries.append(1)
        raise DeadlockError("Two writers waited for each other.", "deadlock detected")

    with pytest.raises(DeadlockError):
        rate()
    assert len(tries) == 3
