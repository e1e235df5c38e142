"""Who uses an embedded server, and when it stops.

Every process that uses a server holds a shared lock (``flock``) on its ``users.lock``. The
kernel drops the lock however the process ends, so ``kill -9`` is noticed and a recycled
process id cannot be mistaken for a user. Whoever gets the lock alone knows that nobody uses
the server: the last user as it leaves, or the *keeper*, a small process that this file is
also the program of. It sleeps in ``flock`` until no user is left, stops the server and ends.

Run as a program with the standard library and psutil only, so that it stays small.
"""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

_POLL = 0.02
_FAST_SHUTDOWN = 60.0
_IMMEDIATE_SHUTDOWN = 10.0


def open_lock(home: Path, name: str) -> int:
    """A descriptor of the lock file ``home/name``; closing it gives the lock back."""
    return os.open(home / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def try_lock(descriptor: int, how: int) -> bool:
    """Take the lock if that needs no waiting; ``how`` is LOCK_SH or LOCK_EX."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_lock(descriptor: int, how: int, seconds: float) -> bool:
    """Take the lock, waiting at most ``seconds``; False when others held it all the time."""
    return wait_for(lambda: try_lock(descriptor, how), seconds)


def wait_for(done: Callable[[], bool], seconds: float) -> bool:
    """Ask ``done`` until it is, at most for ``seconds``; whether it was."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)
    return True


@contextmanager
def unused(home: Path) -> Iterator[bool]:
    """Whether nobody uses the server of ``home``; while True is held, nobody can join."""
    descriptor = open_lock(home, "users.lock")
    try:
        yield try_lock(descriptor, fcntl.LOCK_EX)
    finally:
        os.close(descriptor)


def postmaster(home: Path) -> psutil.Process | None:
    """The running postmaster of ``home/data``, or None when there is none or it is dead."""
    data = home / "data"
    try:
        process = psutil.Process(int((data / "postmaster.pid").read_text().split("\n")[0]))
    except (OSError, ValueError, psutil.Error):
        return None
    return process if serves(process, data) else None


def serves(process: psutil.Process, data: Path) -> bool:
    """Whether a process is alive and one of PostgreSQL's on ``data``: they all live in it."""
    try:
        return (
            process.name() == "postgres" and alive(process) and process.cwd() == str(data.resolve())
        )
    except psutil.Error:
        return False


def alive(process: psutil.Process) -> bool:
    """Whether a process runs; one that ended and waits for its parent does not."""
    try:
        return process.is_running() and bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def stop(home: Path) -> None:
    """Stop the server of ``home`` if it runs: in order, else at once, else by force."""
    server = postmaster(home)
    if server is not None:
        for how, seconds in (
            (signal.SIGINT, _FAST_SHUTDOWN),
            (signal.SIGQUIT, _IMMEDIATE_SHUTDOWN),
        ):
            with suppress(psutil.NoSuchProcess):
                server.send_signal(how)
            if wait_for(lambda: not serves(server, home / "data"), seconds):
                break
    kill_leftovers(home)


def kill_leftovers(home: Path) -> None:
    """End what outlived its postmaster: it would keep the shared memory and block a start.

    Safe at any time without a postmaster: what was committed is in the write-ahead log.
    """
    data = home / "data"
    leftovers = [process for process in psutil.process_iter() if serves(process, data)]
    for process in leftovers:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    wait_for(lambda: not any(serves(process, data) for process in leftovers), _IMMEDIATE_SHUTDOWN)


def stop_if_unused(home: Path) -> bool:
    """Stop the server when nobody uses it and nobody asked to keep it. True when it is down."""
    with unused(home) as alone:
        if alone and not (home / "keep").exists():
            stop(home)
    return postmaster(home) is None


def ensure_keeper(home: Path) -> None:
    """Start the keeper of ``home`` unless it has one. The new one inherits the held lock."""
    keeper_lock, users_lock = open_lock(home, "keeper.lock"), open_lock(home, "users.lock")
    try:
        if try_lock(keeper_lock, fcntl.LOCK_EX):
            command = [sys.executable, "-P", __file__, home, keeper_lock, users_lock]
            # By way of a shell that ends at once: the keeper is nobody's child.
            subprocess.run(  # noqa: S603
                ["/bin/sh", "-c", '"$@" </dev/null >/dev/null 2>&1 &', "sh", *map(str, command)],
                check=True,
                cwd="/",
                pass_fds=(keeper_lock, users_lock),
                start_new_session=True,
            )
    finally:
        os.close(keeper_lock)
        os.close(users_lock)


def keep(home: Path, keeper_lock: int, users_lock: int) -> None:
    """Sleep until nobody uses the server, then stop it unless it is to be kept."""
    fcntl.flock(users_lock, fcntl.LOCK_EX)
    if not (home / "keep").exists():
        stop(home)
    # In this order: whoever joins from here on finds no keeper and starts a new one.
    os.close(keeper_lock)
    os.close(users_lock)


if __name__ == "__main__":
    keep(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
