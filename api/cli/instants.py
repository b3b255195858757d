"""Instants as a person writes them: `7d`, `12h`, or a day. Days are days in UTC, as in the ledger."""

import re
from datetime import UTC, datetime, timedelta

from pilothouse.clock import midnight, now
from pilothouse.errors import BadInputError

SPAN = re.compile(r"(\d{1,4})([hd])")


def since(text: str) -> datetime:
    """`7d`: today and the six days before it; `12h`: twelve hours ago; `2026-11-01`: from that day on."""
    if (found := SPAN.fullmatch(text)) is None:
        return _day(text)
    count = int(found[1])
    if found[2] == "h":
        return now() - timedelta(hours=count)
    return midnight(now()) - timedelta(days=max(count - 1, 0))


def until(text: str) -> datetime:
    """As `since`, but a day is meant to its end."""
    return since(text) if SPAN.fullmatch(text) else _day(text) + timedelta(days=1, microseconds=-1)


def ahead(text: str) -> datetime:
    """`30d` or `12h` from now, or the beginning of a day."""
    if (found := SPAN.fullmatch(text)) is None:
        return _day(text)
    count = int(found[1])
    return now() + (timedelta(hours=count) if found[2] == "h" else timedelta(days=count))


def _day(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise BadInputError(f"'{text}' is no time", hint="write 7d, 12h or 2026-11-01") from error
