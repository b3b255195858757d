"""Time. Every instant is UTC-aware; code that waits or stamps takes a `Clock`, so tests can own time."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def now() -> datetime:
    """The current instant, UTC-aware."""
    return datetime.now(UTC)


def midnight(at: datetime) -> datetime:
    """When the UTC day of this instant began."""
    return at.replace(hour=0, minute=0, second=0, microsecond=0)
