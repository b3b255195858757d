"""CPU time and memory of processes with all their children, read from /proc."""

import math
import os
from dataclasses import dataclass
from pathlib import Path

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
KB_PER_MB = 1024


def family(pid: int) -> list[int]:
    """A process and all that it started, as far as they still run."""
    children = [int(child) for thread in _threads(pid) for child in _read(thread / "children").split()]
    return [pid, *(each for child in children for each in family(child))]


def cpu_ms(pid: int) -> float:
    """User and system time a process and its children have used so far, those that ended included."""
    return sum(_ticks(each) for each in family(pid)) * 1000 / CLOCK_TICKS


def resident_mb(pid: int) -> float:
    """What a process and its children hold in memory now (RSS: pages they share count for each)."""
    rows = [row.split() for each in family(pid) for row in _read(Path(f"/proc/{each}/status")).splitlines()]
    return sum(int(row[1]) for row in rows if row[0] == "VmRSS:") / KB_PER_MB


@dataclass(frozen=True)
class CpuMeter:
    """What named processes use between `start` and `per_turn`."""

    pids: dict[str, int]
    before: dict[str, float]

    @classmethod
    def start(cls, pids: dict[str, int]) -> "CpuMeter":
        """Begin."""
        return cls(pids, {name: cpu_ms(pid) for name, pid in pids.items()})

    def per_turn(self, turns: int) -> dict[str, float]:
        """CPU ms a turn of each process."""
        return {name: (cpu_ms(pid) - self.before[name]) / turns for name, pid in self.pids.items()}


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` of the values lie (nearest rank); not a number when there is none."""
    ranked = sorted(values) or [math.nan]
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]


def _ticks(pid: int) -> int:
    """Fields 14 to 17: user, system, and both of children that were waited for."""
    fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return sum(int(each) for each in fields[11:15])


def _threads(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:  # it ended
        return []


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # it ended
        return ""
