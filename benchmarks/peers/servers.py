"""Starts a peer as its documentation says, on loopback only, without telemetry, and stops it by its pid."""

import shutil
import subprocess
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
from psycopg import sql

from benchmarks.candidates import Candidate, stop, wait_for
from benchmarks.dialects import LangGraph
from benchmarks.own_stack import OwnStack
from benchmarks.peers.environment import FOLDER, ensure_installed, version_of
from benchmarks.question import RESULT
from pilothouse.db import connect
from stack.ports import LOOPBACK, find_free

Report = Callable[[str], None]

CONFIGURATION = {"dependencies": ["."], "graphs": {"agent": "./graph.py:graph"}}
QUIET = {
    "LANGSMITH_TRACING": "false",
    "LANGGRAPH_CLI_NO_ANALYTICS": "1",
    "LOG_LEVEL": "WARNING",
}
PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True)
class Peer:
    """How one is installed and started. `{port}` in its words is filled in."""

    name: str
    package: str
    command: Sequence[str]
    health: str
    min_python: tuple[int, int]
    uses_database: bool = False


AEGRA = Peer(
    name="aegra",
    package="aegra-api",
    command=("uvicorn", "aegra_api.main:app", "--host", LOOPBACK, "--port", "{port}", "--no-access-log"),
    health="/health",
    min_python=(3, 12),
    uses_database=True,
)
LANGGRAPH_DEV = Peer(
    name="langgraph-dev",
    package="langgraph-api",
    # As fast as it goes: no reloading, no detection of blocking calls, a hundred runs at once instead of ten.
    command=(
        *("langgraph", "dev", "--host", LOOPBACK, "--port", "{port}", "--no-browser", "--no-reload"),
        *("--allow-blocking", "--n-jobs-per-worker", "100", "--server-log-level", "warning"),
    ),
    health="/ok",
    min_python=(3, 11),
)
PEERS = {peer.name: peer for peer in (AEGRA, LANGGRAPH_DEV)}


@contextmanager
def running_peer(peer: Peer, own: OwnStack, *, model: str, report: Report) -> Generator[Candidate]:
    """The peer, beside our stack, on the same twin and in a database of its own in the same PostgreSQL."""
    programs = ensure_installed(peer.name, min_python=peer.min_python, report=report)
    folder, port = own.stack.home.root / peer.name, find_free()
    database_url = _make_database(own, peer) if peer.uses_database else None
    _write_application(folder)
    log = own.stack.home.logs / f"{peer.name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(programs / peer.command[0]), *(word.format(port=port) for word in peer.command[1:])],
            cwd=folder,
            env=_environment(own, folder, model, database_url),
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is ours to act on
        )
    try:
        url = f"http://{LOOPBACK}:{port}"
        wait_for(url + peer.health, process, log=log)
        name = f"{peer.name} {version_of(peer.name, peer.package)}"
        yield Candidate(name=name, dialect=LangGraph(url), pids={"server": process.pid}, database_url=database_url)
    finally:
        stop(process)


def _write_application(folder: Path) -> None:
    folder.mkdir()
    shutil.copy(FOLDER / "graph.py", folder)
    (folder / "langgraph.json").write_bytes(orjson.dumps(CONFIGURATION))


def _make_database(own: OwnStack, peer: Peer) -> str:
    with connect(own.stack.credentials.admin_url) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(peer.name)))
    return own.stack.credentials.server_url(peer.name)


def _environment(own: OwnStack, folder: Path, model: str, database_url: str | None) -> dict[str, str]:
    """Nothing of ours but what it needs."""
    basic = {"PATH": PATH, "HOME": str(folder), "LANG": "C.UTF-8"}
    twin = {"OPENAI_BASE_URL": own.twin_url, "OPENAI_API_KEY": own.twin_key, "BENCHMARK_MODEL": model}
    tool = {"BENCHMARK_TOOL_RESULT": orjson.dumps(RESULT).decode()}
    return basic | QUIET | twin | tool | ({"DATABASE_URL": database_url} if database_url else {})
