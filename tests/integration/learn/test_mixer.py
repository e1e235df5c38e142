"""The mixer's weights, tuned on what people went on to like, in a schema of its own."""

import pytest

from learn.mixer import TUNED, apply_mixer, tune_mixer
from palate.errors import ConflictError
from sql.database import Database


def test_weights_are_tuned_beside_the_live_ones_and_applied_when_told(
    few_raters_copy: Database,
) -> None:
    def stored() -> dict[str, float]:
        with few_raters_copy.read() as connection:
            return dict(connection.exec_driver_sql("SELECT mixer_weights()").scalar_one())

    before = stored()
    found = tune_mixer(few_raters_copy)
    assert stored() == before
    assert set(found.after) == set(TUNED)
    assert found.before == {name: before[name] for name in TUNED}
    assert 0 < found.ndcg_before < 1
    assert 0 < found.ndcg_after < 1
    if found.worse:
        with pytest.raises(ConflictError, match="Nothing was changed"):
            apply_mixer(few_raters_copy, found)
    apply_mixer(few_raters_copy, found, force=True)
    assert stored() == before | dict(found.after), "what is not tuned stays"
