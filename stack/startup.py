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
SETTLED_AFTER_S = 10  # all that is left answers, and waits for something that is not ours to start
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
    settled_after_s: float = SETTLED_AFTER_S
    ready: set[str] = field(default_factory=set[str])
    started: set[str] = field(default_factory=set[str])
    answers: dict[str, Readiness] = field(default_factory=dict[str, Readiness])
    failing_since: dict[str, float] = field(default_factory=dict[str, float])
    settled_since: float | None = None

    def run(self, *, timeout_s: float) -> dict[str, str]:
        """Start and wait; returns name -> reason of what was not ready in time (it goes on being restarted)."""
        deadline = time.monotonic() + timeout_s
        while not self._step() and time.monotonic() < deadline:
            time.sleep(PAUSE_S)
        never = Readiness(ready=False, detail="never started")
        return {each.name: self.answers.get(each.name, never).detail for each in self._waiting()}

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
        return self._is_settled(self._hopeful())

    def _ask_all(self) -> None:
        for process in self._waiting():
            if process.name not in self.started:
                continue
            answer = self.ask(process)
            self.answers[process.name] = answer
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

    def _is_settled(self, hopeful: list[Process]) -> bool:
        if not all(self.answers[each.name].answered for each in hopeful):
            self.settled_since = None
            return False
        self.settled_since = self.settled_since or time.monotonic()
        return not hopeful or time.monotonic() - self.settled_since > self.settled_after_s

    def _waiting(self) -> list[Process]:
        return [each for each in self.processes if each.name not in self.ready]

    def _server_is_ready(self) -> bool:
        return "postgres" in self.ready or all(each.name != "postgres" for each in self.processes)
