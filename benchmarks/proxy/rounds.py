"""Measures the doors side by side: in each round every one of them gets the same loads, one shortly after the other."""

import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import uvloop

from benchmarks import load
from benchmarks.dialects import OpenAI, Target
from benchmarks.processes import CpuMeter, percentile
from benchmarks.proxy.answer import INSTANT, PACED, QUESTION, TEXT
from benchmarks.proxy.doors import Door

Report = Callable[[str], None]

MOST_REQUESTS = 1_000_000  # a load ends by time
SERVER, LOAD = "server", "load generator"


@dataclass(frozen=True)
class Work:
    """One kind of load."""

    name: str
    at_once: int
    model: str = INSTANT
    streamed: bool = False


CROWDS = (1, 32, 100)
REQUESTS = [Work("requests", at_once) for at_once in CROWDS]
STREAMS = [Work("streams", at_once, streamed=True) for at_once in CROWDS]
PACED_STREAMS = Work("paced streams", 32, model=PACED, streamed=True)
WORKS = [*REQUESTS, *STREAMS, PACED_STREAMS]


@dataclass(frozen=True)
class Sample:
    """One load on one door. `cpu_ms`: a request, of the server, of what works beside it, and of the load generator."""

    total_ms: Sequence[float]
    first_word_ms: Sequence[float]
    failures: dict[str, int]
    seconds: float
    cpu_ms: dict[str, float]

    @property
    def per_second(self) -> float:
        """Whole answers a second."""
        return len(self.total_ms) / self.seconds

    @cached_property
    def p50_ms(self) -> float:
        """The middle of the whole answers' times."""
        return percentile(list(self.total_ms), 0.5)

    @cached_property
    def p95_ms(self) -> float:
        """The time that one in twenty exceeds."""
        return percentile(list(self.total_ms), 0.95)


Round = dict[tuple[str, Work], Sample]  # by the door's name


def measure(door: Door, work: Work, *, seconds: float) -> Sample:
    """As many requests as can be begun in that time, each answer looked at for its last word."""
    target = Target(OpenAI(door.url, door.headers, work.model, work.streamed), QUESTION, TEXT.__eq__)
    meter, own_s = CpuMeter.start({SERVER: door.pid, **door.beside}), time.process_time()
    asking = load.run(target, turns=MOST_REQUESTS, at_once=work.at_once, within_s=seconds)
    turns, took_s = uvloop.run(asking)
    whole = [turn for turn in turns if not turn.error]
    return Sample(
        total_ms=[turn.total_s * 1000 for turn in whole],
        first_word_ms=[turn.first_word_s * 1000 for turn in whole],
        failures=Counter(turn.error for turn in turns if turn.error),
        seconds=took_s,
        cpu_ms=meter.per_turn(len(turns)) | {LOAD: (time.process_time() - own_s) * 1000 / len(turns)},
    )


def play(doors: Sequence[Door], *, rounds: int, seconds: float, end_s: float, report: Report) -> list[Round]:
    """All rounds that fit before `end_s` (of the monotonic clock); the doors take turns in being first."""
    warm_up(doors, seconds=seconds)
    played: list[Round] = []
    longest_s = 0.0
    while len(played) < rounds and time.monotonic() + longest_s < end_s:
        started, first = time.monotonic(), len(played) % len(doors)
        in_turn = [*doors[first:], *doors[:first]]
        played.append({(door.name, work): measure(door, work, seconds=seconds) for work in WORKS for door in in_turn})
        longest_s = max(longest_s, time.monotonic() - started)
        report(f"round {len(played)}: {time.monotonic() - started:.0f} s, load average {os.getloadavg()[0]:.1f}")
    return played


def warm_up(doors: Sequence[Door], *, seconds: float) -> None:
    """So that nobody's first round is slower than the next."""
    for door in doors:
        for work in (REQUESTS[1], STREAMS[1]):
            measure(door, work, seconds=seconds)
