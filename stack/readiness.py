"""Whether a process is ready to be used: asked of the process itself, over its own port."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from psycopg import pq

from stack.ports import LOOPBACK
from stack.processes import Process

TIMEOUT_S = 2.0
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback never goes through a proxy


@dataclass(frozen=True)
class Readiness:
    """The answer, and what it said when it is 'not yet'."""

    ready: bool
    detail: str = ""
    answered: bool = False  # it runs, and says itself that something it needs is missing


def probe(process: Process) -> Readiness:
    """Ask once, briefly."""
    return _probe_http(process) if process.health else probe_postgres(process.port)


def probe_postgres(port: int) -> Readiness:
    """Whether a PostgreSQL on loopback takes connections."""
    answer = pq.PGconn.ping(f"host={LOOPBACK} port={port} connect_timeout=2".encode())
    return Readiness(ready=answer == pq.Ping.OK, detail=pq.Ping(answer).name.lower())


def _probe_http(process: Process) -> Readiness:
    try:
        with DIRECT.open(process.url + process.health, timeout=TIMEOUT_S) as response:
            return Readiness(ready=response.status == HTTPStatus.OK)
    except urllib.error.HTTPError as error:
        with error:
            return Readiness(ready=False, detail=_describe(error.read()), answered=True)
    except OSError as error:  # refused, reset or timed out
        return Readiness(ready=False, detail=str(getattr(error, "reason", error)))


def _describe(body: bytes) -> str:
    try:
        answer: Any = json.loads(body)
    except ValueError:
        return "unreadable answer"
    return str(answer.get("status", "not ready")) if isinstance(answer, dict) else "unexpected answer"  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType] -- any JSON may come
