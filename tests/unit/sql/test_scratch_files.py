"""Files of SQL that also run in scratch schemas, behind which the live one is searched."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FILES = [path for room in ("functions", "engines") for path in (ROOT / "sql" / room).glob("*.sql")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_function_is_dropped_by_its_bare_name(path: Path) -> None:
    """DROP would follow the search_path, and take the live one where the scratch has none."""
    dropped = re.findall(r"DROP (?:FUNCTION|VIEW|TABLE|TYPE)[^;]*", path.read_text("utf-8"))
    bare = [each for each in dropped if not re.search(r"%|\|\||pg_temp\.", each)]
    assert not bare
