"""Where the files of an embedded server lie.

What lies where, under ``PALATE_DATA_DIR``::

    postgres/data                the database
    postgres/run                 the unix socket, in a folder that only its owner enters
    postgres/log                 what the server says; log.old before it grew too large
    postgres/start.lock          held while one process looks after, starts or stops the server
    postgres/users.lock          shared by all who use the server
    postgres/keeper.lock         held by the process that stops an unused server
    postgres/keep                there while `palate db start` asked to keep an unused server

PostgreSQL refuses to run as root. For root it runs as the account ``postgres``, else
``nobody``. Where that account cannot enter ``PALATE_DATA_DIR`` (say, below /root), the files
lie in a new folder below /var/lib/palate, and ``postgres`` is a symbolic link to it; likewise
the programs are copied to /var/lib/palate when the account cannot reach the installed ones.
No existing folder's permissions are changed.
"""

import hashlib
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from palate.errors import EmbeddedServerError, MisuseError
from sql.programs import SYSTEM_DIR, Account, make_system_dir

SOCKET_NAME = ".s.PGSQL.5432"

_SOCKET_PATH_LIMIT = 103  # macOS; Linux allows four more


def make_home(data_dir: Path, account: Account) -> Path:
    """The folder of the server's files, made where the account can reach it."""
    data_dir = data_dir.absolute()
    require_folder(data_dir)
    data_dir.mkdir(parents=True, exist_ok=True)
    home = data_dir / "postgres"
    if not home.exists():
        if account.reaches(data_dir):
            home.mkdir(exist_ok=True)
            home.chmod(0o711)
        else:
            _link_home(home)
    return home.resolve()


def require_folder(data_dir: Path) -> None:
    """Raise MisuseError where a file is in the place of the data directory, or of one above it."""
    for place in (data_dir, *data_dir.parents):
        if place.is_file():
            raise MisuseError(
                f"The data directory {data_dir} cannot be: {place} is a file. Nothing was started. "
                "Name a folder with --data-dir or PALATE_DATA_DIR; it is made when missing."
            )


def _link_home(link: Path) -> None:
    make_system_dir()
    home = Path(tempfile.mkdtemp(prefix="server-", dir=SYSTEM_DIR))
    home.chmod(0o711)
    try:
        link.symlink_to(home)
    except FileExistsError:  # another starter was faster, or what it pointed to is gone
        home.rmdir()
        if not link.exists():
            raise EmbeddedServerError(
                f"{link} points to {link.readlink()}, which is gone. Nothing was started. Bring it "
                "back, or remove the link to begin with an empty database."
            ) from None


def socket_dir(home: Path) -> Path:
    """The folder of the socket: in ``home``, or under /tmp when that name is too long."""
    folder = home / "run"
    if len(os.fsencode(folder / f"{SOCKET_NAME}.lock")) <= _SOCKET_PATH_LIMIT:
        return folder
    return Path("/tmp") / f"palate-{hashlib.sha256(os.fsencode(home)).hexdigest()[:20]}"  # noqa: S108


def make_socket_dir(home: Path, account: Account) -> Path:
    """Make the socket's folder, or make sure that it is ours alone."""
    folder = socket_dir(home)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        account.own(folder)
    found = folder.lstat()
    owner = os.geteuid() if account.uid is None else account.uid
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or found.st_mode & 0o077:
        raise EmbeddedServerError(
            f"{folder}, where the server's socket belongs, is not a folder of its own account "
            "alone. Nothing was started. Remove it, or set PALATE_DATA_DIR to a shorter path."
        )
    return folder


def server_url(sockets: Path, database: str) -> str:
    """Address of a database behind a socket folder, for libpq and SQLAlchemy."""
    return f"postgresql://postgres@/{quote(database, safe='')}?host={quote(str(sockets))}&port=5432"
