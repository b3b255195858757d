"""How a benchmark that starts processes is run as a command: whatever ends it, all that was started is stopped."""

import signal
import sys
from collections.abc import Callable
from types import FrameType

from pilothouse.errors import PilothouseError

TERMINATED = 143


def leave_on(*signals: signal.Signals) -> None:
    """Through every `finally`."""
    for number in signals:
        signal.signal(number, _leave)


def run(main: Callable[[], None]) -> None:
    """A line in place of a traceback when it is stopped, or something is missing."""
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("stopped, and everything it had started")
    except PilothouseError as problem:
        sys.exit(f"{problem.message} ({problem.hint})")


def _leave(_: int, __: FrameType | None) -> None:
    sys.exit(TERMINATED)
