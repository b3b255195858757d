"""What people see: every process with its state, pid, uptime, memory and address, and why one is not ready."""

from dataclasses import dataclass

from stack.footprint import measure
from stack.home import Home
from stack.processes import Process
from stack.readiness import probe
from stack.supervisor import Control, log_file

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


def describe(home: Home, not_ready: dict[str, str]) -> str:
    """One line: who is not ready, why, and the last thing it logged."""
    return "; ".join(f"{name}: {detail} {_last_line(home, name)}".strip() for name, detail in not_ready.items())


def _last_line(home: Home, name: str) -> str:
    path = log_file(home, name)
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    return f"({lines[-1][:300]})" if lines else ""


def _word(process: Process, state: str) -> str:
    if state not in SEEMS_FINE:
        return state.lower()
    answer = probe(process)
    return "ready" if answer.ready else f"not ready: {answer.detail}"
