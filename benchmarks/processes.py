"""CPU time and memory of processes, read from /proc."""

import os
from dataclasses import dataclass
from pathlib import Path

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
KB_PER_MB = 1024


def cpu_ms(pid: int) -> float:
    """User and system time a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / CLOCK_TICKS


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
    """The value below which `share` of the values lie (nearest rank)."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]
