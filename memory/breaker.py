"""A circuit breaker: after a row of failures stop trying for a while, so that callers do not wait for nothing."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

FAILURES_TO_OPEN = 3
OPEN_S = 15.0


@dataclass
class Breaker:
    """Closed lets every call through; open lets none through until `open_s` has passed, then tries again."""

    open_s: float = OPEN_S
    clock_s: Callable[[], float] = time.monotonic
    _failures: int = field(default=0, init=False)
    _opened_at_s: float = field(default=0.0, init=False)

    @property
    def is_open(self) -> bool:
        """Whether a call would be refused now."""
        return self._failures >= FAILURES_TO_OPEN and self.clock_s() - self._opened_at_s < self.open_s

    def succeeded(self) -> None:
        """A call worked: forget the failures."""
        self._failures = 0

    def failed(self) -> None:
        """A call failed; a failure after the pause opens it again at once."""
        self._failures += 1
        self._opened_at_s = self.clock_s()
