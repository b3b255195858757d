"""The table people see: every process with its state, pid, uptime, memory and address."""

from dataclasses import dataclass

from stack.footprint import measure
from stack.processes import Process
from stack.readiness import probe
from stack.supervisor import Control

SEEMS_FINE = {"STARTING", "RUNNING"}


@dataclass(frozen=True)
class Row:
    """One process, now."""

    name: str
    state: str  # ready, starting, degraded ..., or supervisord's word
    pid: int
    uptime_s: int
    memory_kb: int
    url: str


def look(control: Control, processes: list[Process]) -> list[Row]:
    """Ask supervisord and every process."""
    states = control.states()
    known = [(process, states[process.name]) for process in processes if process.name in states]
    memory = measure(state.pid for _, state in known if state.pid)
    return [
        Row(
            name=process.name,
            state=_word(process, state.state),
            pid=state.pid,
            uptime_s=state.uptime_s,
            memory_kb=memory.get(state.pid, 0),
            url=process.url,
        )
        for process, state in known
    ]


def _word(process: Process, state: str) -> str:
    if state not in SEEMS_FINE:
        return state.lower()
    answer = probe(process)
    return "ready" if answer.ready else f"not ready: {answer.detail}"
