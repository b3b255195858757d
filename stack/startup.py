"""Starting in dependency order, everything at once that may start at once, until each process says it is ready."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from stack.processes import DATABASE_STEP, Process
from stack.readiness import Readiness, probe
from stack.supervisor import Control

Report = Callable[[str], None]

PAUSE_S = 0.1
GIVE_UP_AFTER_S = 20  # of failing starts; PostgreSQL may need a few after a kill
FAILING = {"BACKOFF", "FATAL", "EXITED"}


@dataclass
class Startup:
    """One start of the whole table."""

    control: Control
    processes: Sequence[Process]
    prepare_database: Callable[[], None]
    report: Report
    ask: Callable[[Process], Readiness] = probe
    give_up_after_s: float = GIVE_UP_AFTER_S
    ready: set[str] = field(default_factory=set[str])
    started: set[str] = field(default_factory=set[str])
    details: dict[str, str] = field(default_factory=dict[str, str])
    failing_since: dict[str, float] = field(default_factory=dict[str, float])

    def run(self, *, timeout_s: float) -> dict[str, str]:
        """Start and wait; returns name -> reason of what was not ready in time (it goes on being restarted)."""
        deadline = time.monotonic() + timeout_s
        while not self._step() and time.monotonic() < deadline:
            time.sleep(PAUSE_S)
        return {each.name: self.details.get(each.name, "never started") for each in self._waiting()}

    def _step(self) -> bool:
        for process in self.processes:
            if process.name not in self.started and self.ready.issuperset(process.after):
                self.control.start(process.name)
                self.started.add(process.name)
        self._ask_all()
        if DATABASE_STEP not in self.ready and self._server_is_ready():
            self.prepare_database()
            self.ready.add(DATABASE_STEP)
            return self._step()
        return not self._hopeful()

    def _ask_all(self) -> None:
        for process in self._waiting():
            if process.name not in self.started:
                continue
            answer = self.ask(process)
            self.details[process.name] = answer.detail
            if answer.ready:
                self.ready.add(process.name)
                self.report(f"{process.name} is ready")

    def _hopeful(self) -> list[Process]:
        """What may still become ready: not what keeps failing, nor what waits for that."""
        now, states = time.monotonic(), self.control.states()
        for name, state in states.items():
            if state.state in FAILING and name in self.started:
                self.failing_since.setdefault(name, now)
        lost = {name for name, since in self.failing_since.items() if now - since > self.give_up_after_s}
        return [each for each in self._waiting() if each.name in self.started and each.name not in lost]

    def _waiting(self) -> list[Process]:
        return [each for each in self.processes if each.name not in self.ready]

    def _server_is_ready(self) -> bool:
        return "postgres" in self.ready or all(each.name != "postgres" for each in self.processes)
