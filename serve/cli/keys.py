"""`palate keys`: API keys of the HTTP server."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, Option

from palate.errors import ConflictError, MisuseError
from rerank.people import read_user
from serve.api.keys import ApiKey, create_key, parse_keys
from serve.api.tokens import LONGEST_DAYS, TokenSigner
from serve.cli.command import command
from serve.cli.options import AnyProfile
from serve.cli.output import Done, out, say
from serve.cli.session import Session


@command(
    "palate keys create web --scope read --file keys.txt",
    "palate keys create guest --days 30 --file keys.txt",
    "palate serve --api-keys-file keys.txt",
)
def create(
    name: Annotated[str, Argument(help="Whose key it is: letters, digits, dot, dash, _.")],
    scope: Annotated[
        Literal["read", "write", "admin"],
        Option(help="read: search; write: also rate; admin: also forget users."),
    ] = "read",
    days: Annotated[
        int | None,
        Option(help="Days for which it is good. Without: for ever.", min=1, max=36_500),
    ] = None,
    file: Annotated[
        Path | None, Option(help="Append the key's line to this file, made when missing.")
    ] = None,
) -> Done:
    """Make a key and show it once. Only its SHA-256 goes into the keys file.

    A running server reads its file again when it changes.
    """
    until = None if days is None else datetime.now(UTC).date() + timedelta(days=days)
    secret, key = create_key(name, scope, until)
    if file is not None:
        _append(file, key.name, key.line)
    made = {"name": key.name, "scope": key.scope, "until": until, "key": secret, "line": key.line}
    return Done(made, lambda: _show(secret, key, file))


def _show(secret: str, key: ApiKey, file: Path | None) -> None:
    out().print(secret, soft_wrap=True)
    say("Keep it now: it is not shown again. Send it as `Authorization: Bearer KEY`.")
    if file is None:
        say(f"Line for the keys file (PALATE_API_KEYS_FILE): {key.line}")
    else:
        say(f"Added {key.name} ({key.scope}) to {file}.")


@command(
    "palate keys token ann@example.org --scope write --hours 24",
    "palate keys token 1001 --profile weekend --json",
)
def token(
    session: Session,
    user: Annotated[str, Argument(help="The user's id in your system.")],
    scope: Annotated[
        Literal["read", "write"],
        Option(help="read: search as the user; write: also rate and send events."),
    ] = "read",
    hours: Annotated[
        float, Option(help="Hours after which it ends.", min=0.01, max=LONGEST_DAYS * 24)
    ] = 1.0,
    profile: AnyProfile = None,
) -> Done:
    """Make a token with which one user's page or app asks for itself, and nobody else.

    It is signed with PALATE_TOKEN_SECRET and stored nowhere; another secret ends all tokens.
    """
    secret = session.settings.token_secret
    if secret is None:
        raise MisuseError(
            "There is nothing to sign tokens with. Nothing was made. Set PALATE_TOKEN_SECRET to 32 "
            "characters or more, the same for the server."
        )
    made = TokenSigner(secret.get_secret_value()).make(
        str(read_user(user)), scope, hours * 3600, profile
    )
    told = {"user": user, "profile": profile, "scope": scope, "token": made}
    return Done(told, lambda: out().print(made, soft_wrap=True))


def _append(file: Path, name: str, line: str) -> None:
    """Add a line to the keys file. Raises ConflictError and MisuseError."""
    try:
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        if any(key.name == name for key in parse_keys(text, str(file))):
            raise ConflictError(
                f"{file} already has a key called {name}. Nothing was changed. Choose another "
                "name, or delete that line first."
            )
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as stream:
            stream.write(("" if text.endswith("\n") or not text else "\n") + line + "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise MisuseError(f"{file} cannot be written ({error}). No key was made.") from error
