"""The data folder, held by one process: the embedded engine allows one opener, and two would destroy it."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from pilothouse.errors import SettingsError


@contextmanager
def hold_folder(path: Path) -> Generator[Path]:
    """Create the folder if needed and keep it for this process until the block ends."""
    descriptor = _open_lock(path)
    try:
        _lock(descriptor, path)
        yield path
    finally:
        os.close(descriptor)


def _open_lock(path: Path) -> int:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise SettingsError(
            f"the memory folder {path} cannot be written: {error.strerror}",
            hint="set PILOTHOUSE_MEMORY_DATA to a folder this process may write",
        ) from error


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise SettingsError(
            f"the memory folder {path} is in use by another process",
            hint="stop the memory process that runs there, or set PILOTHOUSE_MEMORY_DATA to another folder",
        ) from error


def sync_all(folder: Path) -> None:
    """Make everything below the folder outlast a power cut."""
    for path in folder.rglob("*"):
        sync(path)
    sync(folder)


def sync(path: Path) -> None:
    """Make a file, or the names in a folder, outlast a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
