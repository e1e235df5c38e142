"""What ``make quick`` runs for a change."""

import grimp
import pytest

from tests.quick import ROOMS, ROOT, concerned


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*ROOMS, "tests", cache_dir=None)


@pytest.mark.parametrize(
    ("changed", "run", "not_run"),
    [
        ("rerank/profile.py", ["tests/unit/rerank", "tests/integration/rerank", "tests/unit/serve"],
         ["tests/unit/search", "tests/integration/sql"]),
        ("serve/api/users.py", ["tests/integration/serve/test_api.py"],
         ["tests/integration/serve/test_cli.py", "tests/integration/serve"]),
        ("sql/functions/30_search.sql", ["tests/engine", "tests/integration/rerank"],
         ["tests/integration/serve"]),
        ("tests/unit/llm/test_llm.py", ["tests/unit/llm/test_llm.py"], ["tests/unit/llm"]),
        ("docs/api.md", ["tests/unit/test_docs_match.py"], ["tests/unit/serve"]),
        ("LICENSE", [], ["tests/unit/test_docs_match.py"]),
    ],
)  # fmt: skip
def test_a_change_runs_its_room_and_those_above(
    graph: grimp.ImportGraph, changed: str, run: list[str], not_run: list[str]
) -> None:
    chosen = concerned([changed], graph)
    assert set(run) <= set(chosen)
    assert not set(not_run) & set(chosen)
    assert all((ROOT / one).exists() for one in chosen)


def test_what_tests_share_runs_the_tests_that_use_it(graph: grimp.ImportGraph) -> None:
    chosen = concerned(["tests/unit/learn/structured.py"], graph)
    assert {"tests/unit/learn/test_ease.py", "tests/unit/learn/test_models.py"} <= set(chosen)
    assert "tests/unit/learn/test_split.py" not in chosen


def test_every_room_is_known(graph: grimp.ImportGraph) -> None:
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert folders - {"tests"} == set(ROOMS)
