"""Measures one candidate: a turn at a time, many at once, one long thread; CPU, memory and database beside it."""

import asyncio
import os
import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import load
from benchmarks.candidates import Candidate
from benchmarks.dialects import Target, Turn
from benchmarks.processes import CpuMeter, percentile, resident_mb
from benchmarks.question import MESSAGE, is_whole
from pilothouse.db import connect

Report = Callable[[str], None]

WARM_UP_TURNS = 20
CROWDS = (32, 100)
PIECE = 20  # turns of the long thread that are looked at together: one alone says little
DATABASE_BYTES = "SELECT pg_database_size(current_database()) AS bytes"


@dataclass(frozen=True)
class Plan:
    """How much is measured. None of the loads begins a turn after `load_s`, no thread after `thread_s`."""

    turns: int = 200
    thread_turns: int = 500
    load_s: float = 40
    thread_s: float = 90


@dataclass(frozen=True)
class Load:
    """Turns on fresh threads, so many at once. `curtailed`: as `Candidate` tells it, within this load.

    `cpu_ms`: a turn, by process; `server_cpu_ms`: of the candidate's own together.
    """

    at_once: int
    turns: int
    failed: int
    failures: dict[str, int]
    curtailed: int
    seconds: float
    total_ms: list[float]
    first_word_ms: list[float]
    server_cpu_ms: float
    cpu_ms: dict[str, float]
    load_average: float

    @property
    def per_second(self) -> float:
        """Whole turns a second."""
        return (self.turns - self.failed) / self.seconds


@dataclass(frozen=True)
class Piece:
    """Some turns of the long thread, ending with turn number `until`."""

    until: int
    total_ms: float  # median
    server_cpu_ms: float
    cpu_ms: dict[str, float]


@dataclass(frozen=True)
class Figures:
    """Everything about one candidate. `counted`: the processes that are the server."""

    name: str
    counted: list[str]
    loads: dict[int, Load]
    thread: list[Piece]
    thread_failures: dict[str, int]
    resident_mb: dict[str, float]
    database_bytes: float | None

    def failures(self) -> dict[str, int]:
        """Turns that were not whole: why, and how many."""
        return dict(sum((Counter(each.failures) for each in self.loads.values()), Counter(self.thread_failures)))


@dataclass(frozen=True)
class Bench:
    """What all candidates are measured with. `shared`: processes that serve all of them, by name."""

    plan: Plan
    shared: dict[str, int]
    report: Report

    def measure(self, candidate: Candidate, *, with_thread: bool = True) -> Figures:
        """Everything; the crowds come last, as they may leave something exhausted."""
        target = Target(candidate.dialect, MESSAGE, is_whole)
        asyncio.run(load.run(target, turns=WARM_UP_TURNS, at_once=4, within_s=self.plan.load_s))
        before = _database_bytes(candidate)
        alone = self._load(candidate, target, 1)
        after = _database_bytes(candidate)
        thread, failures = self._thread(candidate, target) if with_thread else ([], {})
        crowds = {at_once: self._load(candidate, target, at_once) for at_once in CROWDS}
        return Figures(
            name=candidate.name,
            counted=list(candidate.pids),
            loads={1: alone} | crowds,
            thread=thread,
            thread_failures=failures,
            resident_mb={name: resident_mb(pid) for name, pid in (candidate.pids | candidate.beside).items()},
            database_bytes=None if before is None or after is None else (after - before) / alone.turns,
        )

    def _load(self, candidate: Candidate, target: Target, at_once: int) -> Load:
        meter, own_s, curtailed = self._meter(candidate), time.process_time(), candidate.curtailed()
        turns, seconds = asyncio.run(
            load.run(target, turns=self.plan.turns, at_once=at_once, within_s=self.plan.load_s)
        )
        cpu_ms, whole = meter.per_turn(len(turns)), [turn for turn in turns if not turn.error]
        figures = Load(
            at_once=at_once,
            turns=len(turns),
            failed=len(turns) - len(whole),
            failures=_failures(turns),
            curtailed=candidate.curtailed() - curtailed,
            seconds=seconds,
            total_ms=[turn.total_s * 1000 for turn in whole],
            first_word_ms=[turn.first_word_s * 1000 for turn in whole],
            server_cpu_ms=sum(cpu_ms[name] for name in candidate.pids),
            cpu_ms=cpu_ms | {"load": (time.process_time() - own_s) * 1000 / len(turns)},
            load_average=os.getloadavg()[0],
        )
        self.report(
            f"{candidate.name}: {len(turns)} turns, {at_once} at once, {seconds:.0f} s, {figures.failed} failed"
        )
        return figures

    def _thread(self, candidate: Candidate, target: Target) -> tuple[list[Piece], dict[str, int]]:
        pieces: list[Piece] = []
        thread: str | None = None
        end = time.monotonic() + self.plan.thread_s
        while len(pieces) * PIECE < self.plan.thread_turns and time.monotonic() < end:
            meter = self._meter(candidate)
            turns = asyncio.run(load.converse(target, thread=thread, turns=PIECE))
            if failures := _failures(turns):
                self.report(f"{candidate.name}: the thread broke after {len(pieces) * PIECE + len(turns) - 1} turns")
                return pieces, failures
            median_ms = statistics.median(turn.total_s for turn in turns) * 1000
            cpu_ms = meter.per_turn(PIECE)
            server_cpu_ms = sum(cpu_ms[name] for name in candidate.pids)
            pieces.append(Piece((len(pieces) + 1) * PIECE, median_ms, server_cpu_ms, cpu_ms))
            thread = turns[-1].thread
        self.report(f"{candidate.name}: a thread of {len(pieces) * PIECE} turns")
        return pieces, {}

    def _meter(self, candidate: Candidate) -> CpuMeter:
        return CpuMeter.start(candidate.pids | candidate.beside | self.shared)


def middle(values: list[float], share: float = 0.5) -> float | None:
    """A percentile, where there is anything to take it of."""
    return percentile(values, share) if values else None


def _failures(turns: list[Turn]) -> dict[str, int]:
    """What went wrong, and how often."""
    return Counter(turn.error for turn in turns if turn.error)


def _database_bytes(candidate: Candidate) -> float | None:
    """The size of its files: dead rows count, a vacuum in between would not make them smaller."""
    if candidate.database_url is None:
        return None
    with connect(candidate.database_url) as connection:
        row = connection.execute(DATABASE_BYTES).fetchone()
    return None if row is None else float(row["bytes"])
