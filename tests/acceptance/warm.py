"""`palate` without the second of imports before every command.

One process has made the imports; each command that is typed is a fork of it, with the directory,
the environment and the streams of who typed it.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).parents[2]

IMPORTS = ("numpy", "serve.cli.ask", "serve.cli.main", "serve.cli.session", "sql.embedded")
"""What nearly every command imports, and what starts no thread."""

TYPED = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as warm:
    warm.connect({address!r})
    said = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(warm, [len(said).to_bytes(4, "big")], [0, 1, 2])
    warm.sendall(said)
    sys.exit(int(warm.recv(4) or b"1"))
"""


@contextmanager
def warm_palate(folder: Path) -> Iterator[Path]:
    """A folder for the front of PATH, in which ``palate`` begins at once."""
    address = str(folder / "warm.sock")
    typed = folder / "bin" / "palate"
    typed.parent.mkdir(parents=True)
    typed.write_text(TYPED.format(python=sys.executable, address=address), encoding="utf-8")
    typed.chmod(0o755)
    with subprocess.Popen(
        [sys.executable, "-m", __name__, address], cwd=ROOT, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"warm\n"
        try:
            yield typed.parent
        finally:
            process.terminate()


def _listen(address: str) -> None:
    for name in IMPORTS:
        import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        os.write(1, b"warm\n")
        while True:
            asking, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _answer(asking)
                os._exit(0)
            asking.close()


def _answer(asking: socket.socket) -> None:
    """Run one command, wait for its end and tell its exit status."""
    size, streams, _, _ = socket.recv_fds(asking, 4, 3)
    said = b""
    while len(said) < int.from_bytes(size, "big"):
        said += asking.recv(65536)
    arguments, folder, environment = json.loads(said)
    child = os.fork()
    if child == 0:
        asking.close()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        # What the streams were is kept in the old objects: whether one can seek, for example.
        sys.stdin, sys.stdout, sys.stderr = (
            os.fdopen(number, mode) for number, mode in enumerate(("r", "w", "w"))
        )
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        _run(arguments)
    _, status = os.waitpid(child, 0)
    asking.sendall(str(os.waitstatus_to_exitcode(status)).encode())


def _run(arguments: list[str]) -> NoReturn:
    from serve.cli.main import run

    sys.argv = ["palate", *arguments]
    run()
    sys.exit()


if __name__ == "__main__":
    _listen(sys.argv[1])
