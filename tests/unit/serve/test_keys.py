"""API keys: made at random, kept as hashes, read again when their file changes."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from palate.errors import MisuseError
from serve.api import keys
from serve.api.keys import SCOPES, ApiKey, KeyRing, Scope, create_key, parse_keys


def ring_of(path: Path, *held: ApiKey) -> KeyRing:
    path.write_text("".join(f"{key.line}\n" for key in held))
    return KeyRing(path)


def test_a_key_is_handed_out_once_and_kept_as_a_hash() -> None:
    secret, key = create_key("grafana", "read")
    assert secret.startswith("palate_")
    assert len(secret) >= len("palate_") + 43  # 32 bytes in base64
    assert key.digest == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in key.line
    assert parse_keys(key.line) == [key]


def test_no_two_keys_are_alike() -> None:
    assert len({create_key("a", "read")[0] for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("held", "allowed"),
    [("read", ["read"]), ("write", ["read", "write"]), ("admin", ["read", "write", "admin"])],
)
def test_a_scope_holds_the_ones_before_it(held: Scope, allowed: list[Scope]) -> None:
    _, key = create_key("key", held)
    assert [scope for scope in SCOPES if key.allows(scope)] == allowed


def test_a_key_may_end_by_itself(tmp_path: Path) -> None:
    today = datetime.now(UTC).date()
    over, gone = create_key("over", "read", today - timedelta(days=1))
    good, last = create_key("good", "read", today + timedelta(days=1))
    assert last.line.endswith(f":{last.until}")
    ring = ring_of(tmp_path / "keys", gone, last)
    assert ring.find(good) == last
    assert ring.find(over) is None


def test_comments_and_blank_lines_are_skipped() -> None:
    _, key = create_key("web", "write")
    assert parse_keys(f"# who may ask\n\n  {key.line}  # the web front\r\n") == [key]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("web:read", "line 1 is not `name:scope:sha256`"),
        (f"web:read:{'A' * 64}", "line 1 is not"),
        (f"# fine\n:read:{'a' * 64}", "line 2 is not"),
        (f"web:owner:{'a' * 64}", "has the scope 'owner'"),
        (f"web:read:{'a' * 64}:2027-02-30", "which is no day"),
        (f"web:read:{'a' * 64}:tomorrow", "line 1 is not"),
        (f"web:read:{'a' * 64}\nweb:read:{'b' * 64}", "names web more than once"),
    ],
)
def test_a_wrong_line_is_named_and_no_key_is_accepted(text: str, said: str) -> None:
    with pytest.raises(MisuseError, match="No key was accepted") as raised:
        parse_keys(text)
    assert said in str(raised.value)


@given(st.text())
def test_any_text_is_keys_or_misuse(text: str) -> None:
    try:
        found = parse_keys(text)
    except MisuseError:
        return
    assert [parse_keys(key.line) for key in found] == [[key] for key in found]


@pytest.mark.parametrize("name", ["", "with space", "a:b", "x" * 65])
def test_a_name_that_the_file_cannot_hold_is_refused(name: str) -> None:
    with pytest.raises(MisuseError, match="A name is"):
        create_key(name, "read")


def test_the_ring_finds_the_key_of_a_secret(tmp_path: Path) -> None:
    (one, one_key), (two, two_key) = create_key("one", "read"), create_key("two", "admin")
    ring = ring_of(tmp_path / "keys", one_key, two_key)
    assert ring.find(one) == one_key
    assert ring.find(two) == two_key
    assert ring.find(one[:-1]) is None
    assert ring.find("") is None
    assert ring.find(one_key.digest) is None
    assert ring.find("\udce9") is None


def test_a_ring_without_keys_lets_nobody_in_and_says_so(tmp_path: Path) -> None:
    with pytest.raises(MisuseError, match="holds no key"):
        ring_of(tmp_path / "keys")
    with pytest.raises(MisuseError, match="cannot be read"):
        KeyRing(tmp_path / "absent")


def test_a_changed_file_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_RELOAD_SECONDS", 0)
    path = tmp_path / "keys"
    (old, old_key), (new, new_key) = create_key("old", "read"), create_key("new-key", "read")
    ring = ring_of(path, old_key)
    path.write_text(new_key.line)
    assert ring.find(new) == new_key
    assert ring.find(old) is None


@pytest.mark.parametrize("left", [None, "", "# nobody\n", "not a key", "\udcff"])
def test_a_file_without_keys_lets_nobody_in_until_it_has_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: str | None
) -> None:
    monkeypatch.setattr(keys, "_RELOAD_SECONDS", 0)
    path = tmp_path / "keys"
    secret, key = create_key("old", "read")
    ring = ring_of(path, key)
    if left is None:
        path.unlink()
    else:
        path.write_bytes(left.encode("utf-8", "surrogateescape"))
    assert ring.find(secret) is None
    assert ring.find(secret) is None
    path.write_text(key.line)
    assert ring.find(secret) == key


def test_a_wrong_line_in_a_changed_file_drops_that_key_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "_RELOAD_SECONDS", 0)
    path = tmp_path / "keys"
    (good, good_key), (pasted, _) = create_key("good", "read"), create_key("pasted", "read")
    (late, late_key), (twice, twice_key) = create_key("late", "read"), create_key("good", "admin")
    ring = ring_of(path, good_key)
    path.write_text(
        f"{good_key.line}\n# comment\npasted:read:{pasted}\n{twice_key.line}\n{late_key.line}"
    )
    with structlog.testing.capture_logs() as logs:
        assert ring.find(good) == good_key
    assert ring.find(late) == late_key
    assert ring.find(pasted) is None
    assert ring.find(twice) is None
    dropped = [entry for entry in logs if entry["event"] == "api_key_dropped"]
    assert [(entry["log_level"], entry["line"]) for entry in dropped] == [
        ("warning", 3),
        ("warning", 4),
    ]
    assert pasted not in str(logs)
