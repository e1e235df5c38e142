"""Who may ask: API keys where there are some, else this machine only.

Without keys the server answers only clients on loopback that ask for a loopback Host, and no web
pages but its own. The Host list stops DNS rebinding: a page elsewhere whose name is made to resolve
to 127.0.0.1. Origin and Sec-Fetch-Site tell of pages that just name this machine.
"""

from collections.abc import Collection, Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

from palate.errors import MisuseError
from serve.api.keys import SCOPES, KeyRing, Scope
from serve.api.problems import (
    CrossSiteError,
    ForbiddenError,
    MisdirectedError,
    UnauthorizedError,
)
from serve.api.tokens import PREFIX, Caller, TokenSigner

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
_REALM = 'Bearer realm="palate"'


class Guard:
    """The rule for one server. ``keys`` None and not ``insecure``: loopback only."""

    def __init__(
        self,
        keys: KeyRing | None,
        *,
        insecure: bool = False,
        tokens: TokenSigner | None = None,
        origins: Collection[str] = (),
    ) -> None:
        """``origins``: sites whose pages may ask, with a key or token where one is needed."""
        self._keys = keys
        self._loopback_only = keys is None and not insecure
        self.tokens = tokens
        self._origins = frozenset(origins)

    def lets_in(self, origin: str | None) -> bool:
        """Whether pages of another site may read answers."""
        return origin is not None and origin in self._origins

    def check_listening(self, host: str) -> None:
        """Raise MisuseError when listening on ``host`` would let strangers in without a key."""
        if self._loopback_only and not is_loopback(host):
            raise MisuseError(
                f"Without API keys Palate listens only on this machine, not on {host}. "
                "Nothing was started. Set PALATE_API_KEYS_FILE, use PALATE_HOST=127.0.0.1, "
                "or say --insecure when something in front checks who may ask."
            )

    def check_origin(self, client: str | None, headers: Mapping[str, str]) -> None:
        """Refuse, without keys, what does not come from this machine or comes from a web page.

        ``client`` is the peer's address (None: a unix socket). Raises MisdirectedError for other
        machines and hosts, CrossSiteError for pages of other origins.
        """
        if not self._loopback_only:
            return
        if client is not None and not is_loopback(client):
            raise MisdirectedError(
                "Without API keys this server answers only its own machine. Nothing was done. "
                "Its operator sets PALATE_API_KEYS_FILE to let others in."
            )
        host = headers.get("host", "")
        if _host_name(host) not in LOOPBACK_HOSTS:
            raise MisdirectedError(
                "Without API keys this server answers only for the hosts localhost, 127.0.0.1 "
                "and [::1]. Nothing was done. Ask for one of these, or set PALATE_API_KEYS_FILE."
            )
        site, origin = headers.get("sec-fetch-site", "none"), headers.get("origin")
        if self.lets_in(origin):
            return
        if site not in ("none", "same-origin") or origin not in (
            None,
            f"http://{host}",
            f"https://{host}",
        ):
            raise CrossSiteError(
                "Without API keys this server answers no pages of other sites. Nothing was done. "
                "Its operator sets PALATE_API_KEYS_FILE, and whoever may ask sends a key."
            )

    def authorize(
        self, headers: Mapping[str, str], scope: Scope, *, users: bool = False
    ) -> Caller | None:
        """Who asks; None where no key is needed. ``users``: tokens of users are good here.

        Raises UnauthorizedError or ForbiddenError unless the key allows ``scope``.
        """
        secret = _secret(headers)
        if self.tokens is not None and secret is not None and secret.startswith(PREFIX):
            caller = self.tokens.read(secret)
            if not users or SCOPES.index(caller.scope) < SCOPES.index(scope):
                raise ForbiddenError(
                    "A token for one user does not reach this. Nothing was done. It reads that "
                    "user's taste, with the scope write changes it, and searches as them."
                )
            return caller
        if self._keys is None:
            return None
        if secret is None:
            raise UnauthorizedError(
                "An API key is needed. Nothing was done. "
                "Send it as `Authorization: Bearer KEY` or `X-API-Key: KEY`.",
                headers={"WWW-Authenticate": _REALM},
            )
        key = self._keys.find(secret)
        if key is None:
            raise UnauthorizedError(
                "This API key is not known here. Nothing was done. Ask the operator for one.",
                headers={"WWW-Authenticate": f'{_REALM}, error="invalid_token"'},
            )
        if not key.allows(scope):
            challenge = f'{_REALM}, error="insufficient_scope", scope="{scope}"'
            raise ForbiddenError(
                f"This needs a key with the scope {scope}; this one has {key.scope}. "
                "Nothing was done.",
                headers={"WWW-Authenticate": challenge},
            )
        return Caller(key.name, key.scope)


@lru_cache(maxsize=1024)
def is_loopback(address: str) -> bool:
    """True for localhost and loopback addresses of either family, brackets allowed."""
    if address.lower() == "localhost":
        return True
    try:
        parsed = ip_address(address.strip("[]").partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool((mapped or parsed).is_loopback)


def _host_name(host: str) -> str:
    """The Host header without its port, in lower case; an IPv6 address keeps its brackets."""
    name, separator, port = host.rpartition(":")
    if separator and port.isdecimal() and not (":" in name and not name.endswith("]")):
        host = name
    return host.lower()


def _secret(headers: Mapping[str, Any]) -> str | None:
    kind, _, value = str(headers.get("authorization", "")).partition(" ")
    if kind.lower() == "bearer" and value.strip():
        return value.strip()
    return str(headers.get("x-api-key", "")).strip() or None
