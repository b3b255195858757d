"""One command at a time: who comes second says so, and waits."""

import fcntl
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from pilothouse.errors import SettingsError


@contextmanager
def alone(path: Path, report: Callable[[str], None], *, waiting: str, hint: str) -> Generator[None]:
    """Hold the lock at `path`; `waiting` is said when another holds it, `hint` goes with a file that cannot be made."""
    try:
        lock = path.open("w")
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}", hint=hint) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report(waiting)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
