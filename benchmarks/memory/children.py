"""One process a store and size, so that memory and opening are its own. Ended when the benchmark is."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel

from benchmarks.memory.jobs import OURS, PEER, FillJob, Job
from pilothouse.errors import UnavailableError
from pilothouse.settings import CHECKOUT

Report = Callable[[str], None]
Figures = dict[str, Any]

LABELS = {OURS: "pilothouse", PEER: "stock mem0, local mode"}


@dataclass(frozen=True)
class Plan:
    """How much is measured. The peer does less: at many memories each of its searches takes seconds."""

    sizes: Sequence[int]
    most_users: int = 1000
    memories_of_one: int = 0
    searches: int = 500
    peer_searches: int = 20
    peer_limit_s: float = 420
    with_peer: bool = True

    def crowds(self) -> list[tuple[int, int]]:
        """Memories and users, size by size; a hundred memories each until there are as many users as there may be."""
        return [(size, max(1, min(self.most_users, size // 100))) for size in self.sizes]


@dataclass(frozen=True)
class Measured:
    """The figures of one store at one size; None: it was not filled in time."""

    peer: str
    memories: int
    users: int
    figures: Figures | None


def measure_all(plan: Plan, folder: Path, report: Report) -> list[Measured]:
    """Every store at every size."""
    peers = [OURS, PEER] if plan.with_peer else [OURS]
    crowds = [*plan.crowds(), *([(plan.memories_of_one, 1)] if plan.memories_of_one else [])]
    return [_measure(plan, peer, folder, crowd, report) for crowd in crowds for peer in peers]


def run(module: str, job: BaseModel, *, timeout_s: float | None = None) -> Any:
    """The child's last line."""
    command = [sys.executable, "-Pm", module, job.model_dump_json()]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=timeout_s)
    if done.returncode:
        raise UnavailableError(
            f"{module} failed: {done.stderr.strip()[-2000:]}", hint="this is a fault of the benchmark"
        )
    return orjson.loads(done.stdout.splitlines()[-1])


def _measure(plan: Plan, peer: str, root: Path, crowd: tuple[int, int], report: Report) -> Measured:
    memories, users = crowd
    folder = root / f"{peer}-{memories}-{users}"
    limit_s = 3600 if peer == OURS else plan.peer_limit_s
    fill = FillJob(peer=peer, folder=folder, memories=memories, users=users, limit_s=limit_s)
    figures = run("benchmarks.memory.speed", fill)
    if figures["filled_per_s"] is None:
        report(f"{LABELS[peer]}: {figures['filled']:,} of {memories:,} memories in {limit_s:.0f} s, so left out here")
        return Measured(peer, memories, users, None)
    searches = plan.searches if peer == OURS else plan.peer_searches
    job = Job(peer=peer, folder=folder, memories=memories, users=users, searches=searches, rounds=1, adds=searches)
    job = job.model_copy(update={"rounds": max(1, searches // min(searches, users))})
    figures |= run("benchmarks.memory.speed", job)
    if peer == OURS:
        embedded = run("benchmarks.memory.speed", job.model_copy(update={"real_embedder": True}))
        figures |= {"embedded": embedded}
    report(f"{LABELS[peer]}: {memories:,} memories of {users:,} users, search p95 {figures['search']['p95_ms']:.1f} ms")
    shutil.rmtree(folder)
    return Measured(peer, memories, users, figures)
