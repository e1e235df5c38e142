"""API keys: 32 random bytes behind a readable prefix, kept only as SHA-256.

The keys file holds one ``name:scope:sha256`` a line, with ``:2027-01-31`` behind it where the key
is good up to that day (UTC) only; ``#`` starts a comment. A scope holds the
ones before it: read, write, admin. The key is random, so a plain SHA-256 needs no salt.
"""

import hashlib
import hmac
import re
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal, get_args

import structlog

from palate.errors import MisuseError

Scope = Literal["read", "write", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
PREFIX = "palate_"

_LINE = re.compile(
    r"(?P<name>[A-Za-z0-9._-]{1,64}):(?P<scope>[a-z]+):(?P<digest>[0-9a-f]{64})"
    r"(?::(?P<until>\d{4}-\d\d-\d\d))?",
    re.ASCII,
)
_RELOAD_SECONDS = 1.0
_log = structlog.get_logger()

_Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key: never the key itself."""

    name: str
    scope: Scope
    digest: str
    until: date | None = None
    """The last day (UTC) on which it is good."""

    def allows(self, scope: Scope) -> bool:
        """True when this key reaches as far as ``scope``."""
        return SCOPES.index(self.scope) >= SCOPES.index(scope)

    @property
    def line(self) -> str:
        """The key as the keys file holds it."""
        end = "" if self.until is None else f":{self.until}"
        return f"{self.name}:{self.scope}:{self.digest}{end}"

    @property
    def ended(self) -> bool:
        """Whether its last day is over."""
        return self.until is not None and datetime.now(UTC).date() > self.until


def create_key(name: str, scope: Scope, until: date | None = None) -> tuple[str, ApiKey]:
    """A new key: the secret to hand out, shown once, and what goes into the keys file.

    Raises MisuseError for a name or scope that the file cannot hold.
    """
    secret = PREFIX + secrets.token_urlsafe(32)
    key = _parse_line(f"{name}:{scope}:{_digest(secret)}", "the new key")
    return secret, replace(key, until=until)


def parse_keys(text: str, origin: str = "the keys file") -> list[ApiKey]:
    """The keys that a keys file holds. Raises MisuseError naming the line that is wrong."""
    keys = [_parse_line(line, f"{origin}, line {number}") for number, line in _lines(text)]
    names = [key.name for key in keys]
    if twice := {name for name in names if names.count(name) > 1}:
        raise MisuseError(
            f"{origin} names {', '.join(sorted(twice))} more than once. No key was accepted. "
            "Give each key its own name."
        )
    return keys


class KeyRing:
    """The keys of one file, read again when the file changes.

    A start needs a file without fault. Later the file says who may come in, whatever it has
    become: a wrong line is a key less, and a file that is empty or gone lets nobody in.
    """

    def __init__(self, path: Path) -> None:
        """Raises MisuseError when the file cannot be read, is wrong or holds no key."""
        self._path = path
        self._lock = threading.Lock()
        try:
            self._stamp: _Stamp | None = self._read_stamp()
            self._keys = parse_keys(self._read(), str(path))
        except OSError as error:
            raise MisuseError(
                f"{path} cannot be read ({error}). No key was accepted. "
                "Correct PALATE_API_KEYS_FILE."
            ) from error
        if not self._keys:
            raise MisuseError(
                f"{path} holds no key. Nobody could be let in, so nothing was started. "
                "Add a `name:scope:sha256` line, or unset PALATE_API_KEYS_FILE."
            )
        self._checked = time.monotonic()

    def find(self, secret: str) -> ApiKey | None:
        """The key that ``secret`` is and that has not ended, in a time that does not depend on
        which."""
        self._reload_if_changed()
        digest = _digest(secret)
        found = None
        for key in self._keys:
            if hmac.compare_digest(key.digest, digest):
                found = key
        return None if found is not None and found.ended else found

    def _reload_if_changed(self) -> None:
        if time.monotonic() - self._checked < _RELOAD_SECONDS:
            return
        with self._lock:
            try:
                stamp = self._read_stamp()
                if stamp != self._stamp:
                    self._keys, self._stamp = self._read_valid(), stamp
                    _log.info("api_keys_reloaded", keys=len(self._keys))
            except OSError as error:
                if self._stamp is not None:
                    _log.error("api_keys_gone", file=str(self._path), reason=error.strerror)
                self._keys, self._stamp = [], None
            self._checked = time.monotonic()

    def _read_valid(self) -> list[ApiKey]:
        """The keys of the lines that are right. Of lines with one name the first counts."""
        keys: dict[str, ApiKey] = {}
        for number, line in _lines(self._read()):
            try:
                key = _parse_line(line, f"line {number}")
            except MisuseError:
                _log.warning("api_key_dropped", line=number, reason="not `name:scope:sha256`")
                continue
            if key.name in keys:
                _log.warning("api_key_dropped", line=number, reason="its name is taken")
                continue
            keys[key.name] = key
        return list(keys.values())

    def _read_stamp(self) -> _Stamp:
        stat = self._path.stat()
        return stat.st_mtime_ns, stat.st_size, stat.st_ino

    def _read(self) -> str:
        return self._path.read_text(encoding="utf-8", errors="replace")


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that say something, numbered from 1, without their comments."""
    for number, line in enumerate(text.splitlines(), 1):
        if line := line.partition("#")[0].strip():
            yield number, line


def _parse_line(line: str, where: str) -> ApiKey:
    parts = _LINE.fullmatch(line)
    if parts is None:
        raise MisuseError(
            f"{where} is not `name:scope:sha256`. No key was accepted. A name is 1 to 64 of "
            "letters, digits, dot, dash and underscore; the hash is 64 lower-case hex digits."
        )
    for scope in SCOPES:
        if scope == parts["scope"]:
            return ApiKey(parts["name"], scope, parts["digest"], _parse_day(parts["until"], where))
    raise MisuseError(
        f"{where} has the scope {parts['scope']!r}. No key was accepted. "
        f"Scopes are {', '.join(SCOPES)}."
    )


def _parse_day(text: str | None, where: str) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise MisuseError(
            f"{where} ends on {text}, which is no day. No key was accepted. "
            "Write the last day on which it is good as 2027-01-31."
        ) from error


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
