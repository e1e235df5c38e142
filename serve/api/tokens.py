"""Tokens for one user: signed, with an end, and good for that user's own taste only.

An application hands one to its page or its app, which then asks by itself. Nothing is stored: who
has the secret signs, and another secret ends all tokens.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from itsdangerous import BadSignature, URLSafeSerializer

from ask.structure import Structure
from serve.api.keys import Scope
from serve.api.problems import ForbiddenError, UnauthorizedError

PREFIX = "palate_user_"
LONGEST_DAYS = 400
UserScope = Literal["read", "write"]
_USER = "user_id"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a key by its ``name``, or a user, who is let near nothing of anybody else."""

    name: str
    scope: Scope
    user: str | None = None
    profile: str | None = None

    def own(self, given: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
        """``given`` about this user, where ``known`` has a place to say so. Raises ForbiddenError
        where it is about another one, or another profile."""
        owned = dict(given)
        for name, mine in ((_USER, self.user), ("profile", self.profile)):
            if mine is None or (name not in known and name not in given):
                continue
            if owned.setdefault(name, mine) is None:
                owned[name] = mine
            if str(owned[name]) != mine:
                raise ForbiddenError(
                    f"This token is for the {name.removesuffix('_id')} {mine!r} only, not for "
                    f"{str(owned[name])[:40]!r}. Nothing was done."
                )
        return owned

    def check_structure(self, structure: Structure) -> None:
        """Raise ForbiddenError where a request in words is about somebody else."""
        if self.user is None:
            return
        raters = (*structure.rated_by, *structure.exclude.rated_by)
        others = {*structure.users, *(each.user_id for each in raters)} - {None}
        elsewhere = self.profile is not None and structure.profile != self.profile
        if elsewhere or others - {structure.user_id}:
            raise ForbiddenError(
                "This token asks for one user or profile only, and the request is about others. "
                "Nothing was told."
            )


class TokenSigner:
    """Makes tokens of users, and knows its own."""

    def __init__(self, secret: str) -> None:
        self._serializer = URLSafeSerializer(secret, salt="palate.user")

    def make(self, user: str, scope: UserScope, seconds: float, profile: str | None = None) -> str:
        """A token that is good for so long."""
        until = int(time.time() + seconds)
        return PREFIX + str(self._serializer.dumps([user, profile, scope, until]))

    def read(self, token: str) -> Caller:
        """Whose token it is. Raises UnauthorizedError."""
        try:
            user, profile, scope, until = self._serializer.loads(token.removeprefix(PREFIX))
        except (BadSignature, ValueError, TypeError) as error:
            raise _unknown("This token is not one of ours. Nothing was done.") from error
        if time.time() > until:
            raise _unknown("This token has ended. Nothing was done. Ask the application for one.")
        return Caller(f"user:{user}", scope, str(user), profile)


def _unknown(text: str) -> UnauthorizedError:
    challenge = 'Bearer realm="palate", error="invalid_token"'
    return UnauthorizedError(text, headers={"WWW-Authenticate": challenge})
