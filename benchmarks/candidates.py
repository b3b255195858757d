"""The floor and ourselves, ready to be asked; the peers are in `peers/`."""

import subprocess
import sys
import time
import urllib.error
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.dialects import Dialect, Floor, Pilothouse
from benchmarks.own_stack import OwnStack
from pilothouse.db import connect
from pilothouse.errors import UnavailableError
from pilothouse.settings import CHECKOUT
from stack.ports import LOOPBACK, find_free
from stack.readiness import DIRECT
from stack.supervisor import log_file

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 10
PROBE_TIMEOUT_S = 2
SHOWN = 600
NOT_RECALLED = "memory.not_searched"


@dataclass(frozen=True)
class Candidate:
    """A running server. `pids`: its processes, by name; `beside`: those of ours that the peers have no like of.

    `curtailed`: how many turns so far it answered without memory, because memory had no time.
    """

    name: str
    dialect: Dialect
    pids: dict[str, int]
    beside: dict[str, int] = field(default_factory=dict[str, int])
    database_url: str | None = None  # what it writes to; None: it keeps everything in memory
    curtailed: Callable[[], int] = int


def pilothouse(own: OwnStack) -> Candidate:
    """Through the public API, with keys, leases, run store, journal, events and ledger on."""
    info = own.stack.info
    return Candidate(
        name="pilothouse",
        dialect=Pilothouse(info.api_url, info.owner_key),
        pids={name: own.pids[name] for name in ("controller", "proxy")},
        beside={"memory": own.pids["memory"]},
        database_url=own.stack.credentials.admin_url,
        curtailed=lambda: log_file(own.stack.home, "controller").read_text().count(NOT_RECALLED),
    )


@contextmanager
def running_floor(*, twin_url: str, twin_key: str, database_url: str, model: str) -> Generator[Candidate]:
    """`floor.py` as a process of its own, with a table of its own."""
    with connect(database_url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS public.benchmark_floor (id uuid PRIMARY KEY, message text)")
    port = find_free()
    command = [sys.executable, "-m", "benchmarks.floor", str(port), twin_url, twin_key, database_url, model]
    process = subprocess.Popen(command, cwd=CHECKOUT, start_new_session=True)  # Ctrl-C is ours to act on
    try:
        url = f"http://{LOOPBACK}:{port}"
        wait_for(f"{url}/turn", process)
        yield Candidate(name="floor", dialect=Floor(url), pids={"floor": process.pid}, database_url=database_url)
    finally:
        stop(process)
        with connect(database_url) as connection:
            connection.execute("DROP TABLE public.benchmark_floor")


def wait_for(url: str, process: subprocess.Popen[bytes], *, log: Path | None = None) -> None:
    """Until something answers there, in whatever way; if nothing does, the end of its log says why."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            DIRECT.open(url, timeout=PROBE_TIMEOUT_S).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    said = log.read_text(errors="replace")[-SHOWN:].strip() if log else "see above"
    raise UnavailableError(f"nothing answers at {url}", hint=said)


def stop(process: subprocess.Popen[bytes]) -> None:
    """By its pid; by force when asking is not enough."""
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
