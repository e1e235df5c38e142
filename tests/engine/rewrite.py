"""Write expected.json and paradedb.json again: ``python -m tests.engine.rewrite``.

What a query should find comes from reference.py, which shares nothing with the engines but the
syntax tree. Read the difference before committing it.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from palate.settings import Settings
from search.query import parse
from sql.embedded import EmbeddedServer
from sql.engines.paradedb import ParadeDB
from tests.engine.conftest import HERE, add_films, engine_database, make_reference, read_films
from tests.engine.reference import Scores
from tests.engine.test_engines import read_queries


def expectation(scores: Scores) -> dict[str, Any]:
    """The films found, and the five best with their scores."""
    best = sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:5]
    return {"ids": sorted(scores), "best": [[i, round(score, 3)] for i, score in best]}


def main() -> None:
    """Rewrite both files."""
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedServer.start(Path(folder), durable=False)
        settings = Settings(data_dir=server.data_dir, _env_file=None)
        with engine_database("postgres", server, settings) as database:
            add_films(database, read_films())
            reference = make_reference(database)
            trees = {query: parse(query).tree for query in read_queries()}
            write("expected.json", {q: expectation(reference.search(t)) for q, t in trees.items()})
        server.leave()
        EmbeddedServer.destroy(Path(folder))
    write("paradedb.json", {q: ParadeDB().compile(tree).query for q, tree in trees.items()})


def write(name: str, entries: dict[str, Any]) -> None:
    """One entry a line, so that differences are readable."""
    lines = (
        f"{json.dumps(query, ensure_ascii=False)}: {json.dumps(entry, ensure_ascii=False)}"
        for query, entry in entries.items()
    )
    (HERE / name).write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
