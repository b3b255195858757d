"""Processes of a home that outlived their supervisor: found by what only ours have, ended by pid."""

import os
import signal
import time
from pathlib import Path

from stack.home import Home

GRACE_S = 15


def find_leftovers(home: Home) -> list[int]:
    """Pids whose HOME is a folder of this data home, and of a supervisord that runs its configuration."""
    return [pid for pid in _pids() if pid != os.getpid() and _belongs(pid, home)]


def end_leftovers(home: Home, *, grace_s: float = GRACE_S) -> list[int]:
    """Interrupt them, wait, and use force on what stays; returns who they were."""
    found = find_leftovers(home)
    _signal(found, signal.SIGINT)
    deadline = time.monotonic() + grace_s
    while (left := find_leftovers(home)) and time.monotonic() < deadline:
        time.sleep(0.05)
    _signal(left, signal.SIGKILL)
    return found


def _belongs(pid: int, home: Home) -> bool:
    variables = _read(Path(f"/proc/{pid}/environ"))
    if any(value.startswith(f"HOME={home.root}/".encode()) for value in variables):
        return True
    return str(home.run / "supervisord.conf").encode() in _read(Path(f"/proc/{pid}/cmdline"))


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _read(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().split(b"\0")
    except OSError:  # it ended, or is not ours
        return []


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
