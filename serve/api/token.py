"""``POST /v1/tokens``: a token with which one user's page or app asks for itself."""

from datetime import UTC, datetime, timedelta

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request

from palate.contract import Frozen, Profile, UserKey
from palate.errors import MisuseError
from serve.api.routes import GuardedRoute, read_body, scoped
from serve.api.services import services
from serve.api.tokens import LONGEST_DAYS, UserScope

router = APIRouter(route_class=GuardedRoute, tags=["users"])

_TOKEN_BYTES = 2048


class NewToken(Frozen):
    """For whom, for what, for how long."""

    user: UserKey = Field(description="The user's id in your system.")
    profile: Profile | None = Field(None, description="Only this profile; left out: any.")
    scope: UserScope = Field("read", description="write: ratings and events of the user, too.")
    seconds: int = Field(
        3600, ge=1, le=LONGEST_DAYS * 86_400, description="Seconds after which it ends."
    )


class Token(Frozen):
    """A token, which is told once and kept nowhere."""

    token: str = Field(description="To be sent as `Authorization: Bearer TOKEN`.")
    expires_at: str = Field(description="When it ends.")


@router.post(
    "/v1/tokens",
    summary="Make a token for one user",
    **scoped("admin", 400, line=None, body=NewToken, max_body=_TOKEN_BYTES),
)
def make_token(request: Request) -> Token:
    """Sign a token that reads, or also writes, the taste of one user and searches as them.

    Nothing else is open to it. It needs `PALATE_TOKEN_SECRET`; another secret ends all tokens.
    """
    asked = read_body(request, NewToken)
    signer = services(request).guard.tokens
    if signer is None:
        raise MisuseError(
            "This server signs no tokens. Nothing was made. Its operator sets PALATE_TOKEN_SECRET."
        )
    token = signer.make(str(asked.user), asked.scope, asked.seconds, asked.profile)
    ends = datetime.now(UTC) + timedelta(seconds=asked.seconds)
    stamp = ends.isoformat(timespec="seconds").replace("+00:00", "Z")
    return Token(token=token, expires_at=stamp)
