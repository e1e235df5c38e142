"""Settings: what the example file says is what there is."""

from pathlib import Path

import pytest

from palate.settings import Settings, env_example, misspelt

ROOT = Path(__file__).parents[3]


def test_the_example_file_names_every_setting() -> None:
    """Renew it with `python -m palate.settings > .env.example`."""
    assert (ROOT / ".env.example").read_text() == env_example()


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_a_variable_sets_what_has_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PALATE_MAX_K", "7")
    assert Settings(_env_file=None).max_k == 7


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PALATE_DATABASE_URL", "postgresql://me:hunter2@localhost/x")
    monkeypatch.setenv("PALATE_CURSOR_SECRET", "hunter2")
    assert "hunter2" not in repr(Settings(_env_file=None))


def test_a_slip_of_the_keys_is_found() -> None:
    typed = [
        "PALATE_DATABSE_URL",
        "palate_max_k",
        "PALATE_DATABASE_PASSWORD",
        "PALATE_VERSION",
        "PATH",
    ]
    assert misspelt(typed) == {"PALATE_DATABSE_URL": "PALATE_DATABASE_URL"}
