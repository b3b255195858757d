"""The ways to a model that are compared: none between, the floor, our proxy, LiteLLM's. Started, timed, stopped."""

import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from uuid import uuid4

import orjson

from benchmarks.candidates import stop, wait_for
from benchmarks.peers.environment import Report, ensure_installed, version_of
from benchmarks.peers.servers import PATH
from benchmarks.proxy.answer import MODELS, PRICES
from pilothouse.keys import hash_key, new_key
from pilothouse.settings import CHECKOUT
from stack.ports import LOOPBACK, find_free
from stack.postgres import Cluster

DIRECT, FLOOR, OURS, PEER = "direct", "floor", "pilothouse", "litellm"
POSTGRES = "postgres"
PEER_MIN_PYTHON = (3, 11)
KEY_SECRET = new_key()
UPSTREAM_KEY = "invented"
ENOUGH_USD = "100000"
BASIC = {"PATH": PATH, "LANG": "C.UTF-8"}


@dataclass(frozen=True)
class Door:
    """A running server. `url` ends before /chat/completions; `beside`: other processes that work for it, by name."""

    name: str
    label: str
    url: str
    pid: int
    start_s: float
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    beside: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True)
class Doors:
    """Opens them; each is closed with `exits`, by its pid. Their logs and homes are in `folder`."""

    exits: ExitStack
    folder: Path

    def direct(self) -> Door:
        """The provider itself."""
        port = find_free()
        pid, start_s = self._start(DIRECT, _module("benchmarks.proxy.answerer", port), port, health="/models")
        return Door(DIRECT, DIRECT, f"http://{LOOPBACK}:{port}", pid, start_s)

    def floor(self, upstream: str) -> Door:
        """The bare pass-through."""
        port = find_free()
        command = _module("benchmarks.proxy.passthrough", port, upstream)
        pid, start_s = self._start(FLOOR, command, port, health="/")
        return Door(FLOOR, FLOOR, f"http://{LOOPBACK}:{port}", pid, start_s)

    def ours(self, upstream: str, cluster: Cluster, *, database_url: str) -> Door:
        """With a key, caps on everything, the day and the run, and the ledger in PostgreSQL."""
        port, key = find_free(), new_key()
        environment = {
            "PILOTHOUSE_PORT_PROXY": str(port),
            "DATABASE_URL": database_url,
            "LLM_BASE_URL": upstream,
            "OPENROUTER_API_KEY": UPSTREAM_KEY,
            "PILOTHOUSE_KEY_SECRET": KEY_SECRET,
            "PILOTHOUSE_CALLERS": orjson.dumps({"controller": hash_key(key, secret=KEY_SECRET)}).decode(),
            "PILOTHOUSE_BUDGET_USD": ENOUGH_USD,
            "PILOTHOUSE_BUDGET_DAY_USD": ENOUGH_USD,
        }
        headers = {
            "Authorization": f"Bearer {key}",
            "X-Pilothouse-Run": str(uuid4()),
            "X-Pilothouse-Run-Budget": ENOUGH_USD,
            "X-Pilothouse-Node": "benchmark",
        }
        command = [sys.executable, "-m", "proxy"]
        pid, start_s = self._start(OURS, command, port, health="/health", environment=environment)
        postgres = int((cluster.data / "postmaster.pid").read_text().split()[0])
        url = f"http://{LOOPBACK}:{port}/v1"
        return Door(OURS, OURS, url, pid, start_s, headers, beside={POSTGRES: postgres})

    def peer(self, upstream: str, report: Report) -> Door:
        """LiteLLM's proxy as its documentation says: one worker, a master key, no database."""
        programs = ensure_installed(PEER, min_python=PEER_MIN_PYTHON, report=report)
        port, key = find_free(), "sk-" + new_key()
        configuration = self.folder / "litellm.yaml"
        configuration.write_bytes(_configure(upstream, key))  # JSON is YAML too
        words = ("--config", str(configuration), "--host", LOOPBACK, "--port", str(port), "--num_workers", "1")
        environment = {
            "LITELLM_MODE": "PRODUCTION",
            "LITELLM_LOG": "ERROR",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # nothing is downloaded
        }
        command = [str(programs / "litellm"), *words, "--telemetry", "False"]
        pid, start_s = self._start(PEER, command, port, health="/health/liveliness", environment=environment)
        label, headers = f"{PEER} {version_of(PEER, PEER)}", {"Authorization": f"Bearer {key}"}
        return Door(PEER, label, f"http://{LOOPBACK}:{port}/v1", pid, start_s, headers)

    def _start(
        self, name: str, command: Sequence[str], port: int, *, health: str, environment: Mapping[str, str] | None = None
    ) -> tuple[int, float]:
        """Its pid, and the seconds until it answered."""
        started, log = time.monotonic(), self.folder / f"{name}.log"
        with log.open("wb") as output:
            process = Popen(
                command,
                cwd=CHECKOUT,
                env=BASIC | {"HOME": str(self.folder)} | dict(environment or {}),
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is ours to act on
            )
        self.exits.callback(stop, process)
        wait_for(f"http://{LOOPBACK}:{port}{health}", process, log=log)
        return process.pid, time.monotonic() - started


def _module(name: str, *words: object) -> list[str]:
    return [sys.executable, "-m", name, *map(str, words)]


def _configure(upstream: str, key: str) -> bytes:
    prices = {"input_cost_per_token": float(PRICES["prompt"]), "output_cost_per_token": float(PRICES["completion"])}
    provider = {"api_base": upstream, "api_key": UPSTREAM_KEY} | prices
    models = [{"model_name": name, "litellm_params": {"model": f"openai/{name}"} | provider} for name in MODELS]
    return orjson.dumps({"model_list": models, "general_settings": {"master_key": key}})
