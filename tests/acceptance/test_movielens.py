"""Real ratings: load, embed, and the tasters move as they should, typed as in the README."""

from pathlib import Path

import pytest

from tests.acceptance.pages import Command, shell
from tests.conftest import DATA


@pytest.mark.timeout(900)
def test_movielens_from_files_to_tasters(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers", reason="needs the extra `embed`")
    folder = DATA / "ml-latest-small"
    if not folder.is_dir():
        pytest.skip(f"needs MovieLens ratings in {folder}, which are not part of the project")
    with shell(tmp_path) as person:
        for line in (
            f"palate ingest movielens {folder}",
            "palate embed generate vectors.parquet",
            "palate ingest embeddings vectors.parquet",
            "palate embed stats",
            "palate test-users create",
            "palate doctor",
        ):
            person.run(Command("console", line))
        report = person.run(Command("console", "palate test-users check"))
        assert "779" in person.run(Command("console", "palate user show 20001"))
    assert "lord" in report
