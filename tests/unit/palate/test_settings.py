"""Settings: what the example file says is what there is."""

import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from palate.errors import MisuseError
from palate.settings import (
    SECRETS,
    Settings,
    env_example,
    get_settings,
    misspelt,
    read_settings,
    variable,
)
from serve.cli.main import main

ROOT = Path(__file__).parents[3]

SECRET = "hunter2"
WRONG = f"☃ {SECRET}"
"""No number, list, choice or name of a schema, and too short for a key."""

FACES = ("search lord", "doctor", "db migrate", "db status", "user profile 7", "serve", "mcp")
"""Each begins by reading the settings, as every command does."""


def takes_any_text(name: str) -> bool:
    """Whether a setting takes a text, a path or a secret of any kind."""
    try:
        read_settings({name: WRONG})
    except MisuseError:
        return False
    return True


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The settings of the process, not read yet, and read again by who comes after."""
    get_settings.cache_clear()
    yield monkeypatch
    get_settings.cache_clear()


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


@pytest.mark.parametrize("name", [n for n in Settings.model_fields if not takes_any_text(n)])
def test_a_wrong_value_is_one_line_on_every_face_and_no_secret_is_shown(
    unread: pytest.MonkeyPatch, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for secret in SECRETS:
        unread.setenv(variable(secret), f"postgresql://ann:{SECRET}@127.0.0.1:1/{SECRET:-<40}")
    unread.setenv(variable(name), WRONG)
    with pytest.raises(MisuseError, match=variable(name)) as raised:
        get_settings()
    assert SECRET not in "".join(traceback.format_exception(raised.value))
    for face in FACES:
        code = main(face.split())
        said = capsys.readouterr()
        assert (code, said.out) == (2, "")
        assert len(said.err.splitlines()) == 1
        assert variable(name) in said.err
        assert name in ("engine", "log_level") or SECRET not in said.err


def test_only_texts_paths_and_keys_take_anything() -> None:
    anything = {n for n in Settings.model_fields if takes_any_text(n)}
    kinds = {str(Settings.model_fields[n].annotation) for n in anything}
    assert anything >= SECRETS - {"token_secret"}
    assert not [kind for kind in kinds if "int" in kind or "float" in kind or "tuple" in kind]


@pytest.mark.parametrize(
    "name", ["My Schema", "pg_foo", "pg_catalog", "information_schema", "Films", "1st", "x" * 64]
)
def test_a_schema_of_the_system_or_one_to_be_quoted_is_refused(name: str) -> None:
    with pytest.raises(MisuseError, match=r"PALATE_SCHEMA: .*\[a-z_\]\[a-z0-9_\].*Nothing was"):
        read_settings({"schema_name": name})


def test_a_file_of_settings_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"PALATE_ITEM_WORD=\xff")
    with pytest.raises(MisuseError, match=r"\.env cannot be read"):
        read_settings({"_env_file": tmp_path / ".env"})
