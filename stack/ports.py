"""Ports: taken ones are named with the setting that moves them and, where it can be seen, who holds them."""

import random
import socket
from contextlib import suppress
from pathlib import Path

from pilothouse.errors import SettingsError

LOOPBACK = "127.0.0.1"
CONNECT_TIMEOUT_S = 3
UNASSIGNED = (10_000, 32_768)  # below Linux's ip_local_port_range
GIVEN: set[int] = set()  # whoever got one may not listen on it yet
LISTENING = "0A"  # the state column of /proc/net/tcp


def find_free() -> int:
    """A port nobody listens on right now, from those that the system never gives to outgoing connections."""
    while True:
        port = random.randrange(*UNASSIGNED)  # noqa: S311 -- to stay clear of others, not secret
        if port in GIVEN:
            continue
        with socket.socket() as probe, suppress(OSError):
            probe.bind((LOOPBACK, port))
            GIVEN.add(port)
            return port


def require_free(port: int, *, setting: str) -> None:
    """Raise a clear error when something listens on `port` already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise SettingsError(_describe(port, error), hint=f"stop what uses it, or set {setting}") from error


def is_reachable(host: str, port: int) -> bool:
    """Whether something listens there."""
    try:
        socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_S).close()
    except OSError:
        return False
    return True


def find_holder(port: int) -> int | None:
    """The pid of the process that listens on `port`, when we may see it."""
    inodes = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    return next((pid for pid, link in _open_sockets() if link in inodes), None)


def _describe(port: int, error: OSError) -> str:
    pid = find_holder(port)
    holder = "" if pid is None else f" by pid {pid} ({_name(pid)})"
    return f"port {port} is taken{holder}" if holder else f"port {port} cannot be used: {error.strerror}"


def _listening_inodes(port: int) -> list[str]:
    rows = [line.split() for table in ("tcp", "tcp6") for line in _read_lines(Path("/proc/net") / table)[1:]]
    return [row[9] for row in rows if row[3] == LISTENING and int(row[1].rpartition(":")[2], 16) == port]


def _open_sockets() -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            found.append((int(link.parts[2]), str(link.readlink())))
        except OSError:  # the process ended, or is not ours to look into
            continue
    return found


def _read_lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _name(pid: int) -> str:
    lines = _read_lines(Path(f"/proc/{pid}/comm"))
    return lines[0] if lines else "?"
