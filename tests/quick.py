"""The tests of what changed: ``make quick``.

What changed is what differs from where this branch left main, committed or not. Of a room that
changed, all unit and integration tests run; of the rooms that import it, their unit tests, and
those integration tests that import a module that changed. Of ``serve``, each folder counts as a
room. SQL that both engines share runs the suite for engines, too.
"""

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
ROOMS = (
    "palate", "llm", "sql", "ingest", "search", "rerank", "learn", "evaluate", "ask", "serve",
    "bench", "test_users", "samples",
)  # fmt: skip
_TEST = re.compile(r"tests\.(unit|integration)\.(\w+\.)?test_")
_SUITES: dict[str, tuple[str, ...]] = {
    "sql/later": ("tests/integration/rerank",),
    "sql/functions": ("tests/engine", "tests/integration/rerank"),
    "sql/engines": ("tests/engine", "tests/integration/rerank"),
    "sql/migrations": ("tests/integration/sql",),
    "helm": ("tests/kubernetes/test_manifests.py", "tests/kubernetes/test_values.py"),
    "docs": ("tests/unit/test_docs_match.py",),
}


def changed_files() -> list[str]:
    """Paths that differ from the merge base with main, are not committed, or are new."""
    base = _git("merge-base", "HEAD", "main")
    new = _git("ls-files", "--others", "--exclude-standard")
    return sorted({*_git("diff", "--name-only", *base), *new})


def _git(*arguments: str) -> list[str]:
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.split() if done.returncode == 0 else []


def concerned(paths: Iterable[str], graph: grimp.ImportGraph) -> list[str]:
    """The folders and files of tests that a change of these paths concerns, in order."""
    return sorted({test for path in paths for test in _concerned(path, graph)})


def _concerned(path: str, graph: grimp.ImportGraph) -> Iterator[str]:
    room, _, rest = path.partition("/")
    yield from (one for start, tests in _SUITES.items() if path.startswith(start) for one in tests)
    if room == "tests":
        yield from _tests_with(path, graph)
    elif room in ROOMS:
        yield from _tests_of(room, rest)
        module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        importers = (
            graph.find_modules_that_directly_import(module) if module in graph.modules else ()
        )
        yield from (_path(one) for one in importers if _TEST.match(one))
        yield from (
            folder for above in _rooms_above(room, graph) if (folder := _folder("unit", above))
        )


def _tests_with(path: str, graph: grimp.ImportGraph) -> Iterator[str]:
    """A changed test itself; for what tests share, those that import it."""
    if re.search(r"/test_\w+\.py$", path):
        yield path
    elif path.endswith(".py") and (module := path[:-3].replace("/", ".")) in graph.modules:
        importers = graph.find_modules_that_directly_import(module)
        yield from (_path(one) for one in importers if _TEST.match(one))


def _tests_of(room: str, rest: str) -> Iterator[str]:
    """All unit and integration tests of a room; of serve, those named for the folder."""
    for kind in ("unit", "integration"):
        folder = _folder(kind, room)
        if folder and room == "serve" and kind == "integration":
            named = re.split(r"[/.]", rest)[0]
            yield from (
                str(one.relative_to(ROOT)) for one in (ROOT / folder).glob(f"test_{named}*.py")
            )
        elif folder:
            yield folder


def _folder(kind: str, room: str) -> str | None:
    folder = f"tests/{kind}/{room}"
    return folder if (ROOT / folder).is_dir() else None


def _rooms_above(room: str, graph: grimp.ImportGraph) -> list[str]:
    """The rooms that import a room."""
    return [
        other
        for other in ROOMS
        if other != room
        and graph.direct_import_exists(importer=other, imported=room, as_packages=True)
    ]


def _path(module: str) -> str:
    return module.replace(".", "/") + ".py"


def main() -> int:
    """Run them on two workers, as ``make test`` does; 0 where there is nothing to run."""
    paths = changed_files()
    graph = grimp.build_graph(*ROOMS, "tests", cache_dir=str(ROOT / ".import_linter_cache"))
    chosen = [test for test in concerned(paths, graph) if (ROOT / test).exists()]
    print(f"{len(paths)} files changed; tests: {' '.join(chosen) or 'none'}")  # noqa: T201
    if not chosen:
        return 0
    return int(pytest.main(["--numprocesses=2", "--dist=loadfile", *chosen, *sys.argv[1:]]))


if __name__ == "__main__":
    raise SystemExit(main())
