"""Server-sent events out of bytes, in whatever pieces they come. Only what streams of answers need."""

from collections.abc import Iterator
from dataclasses import dataclass, field

WHOLE = "whole"  # stands for the event's name where an answer came in one piece and not as a stream


@dataclass(frozen=True)
class Event:
    """One event; its data is JSON or a word."""

    name: str
    data: bytes


@dataclass
class Parser:
    """Takes bytes as they come, gives the events that are complete."""

    _rest: bytes = b""
    _name: str = "message"
    _data: list[bytes] = field(default_factory=list[bytes])

    def feed(self, piece: bytes) -> Iterator[Event]:
        """The events that end within this piece."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            event = self._take(line.rstrip(b"\r"))
            if event is not None:
                yield event

    def _take(self, line: bytes) -> Event | None:
        if line.startswith(b"data:"):
            self._data.append(line[5:].lstrip(b" "))
        elif line.startswith(b"event:"):
            self._name = line[6:].strip().decode()
        elif not line and self._data:
            event = Event(self._name, b"\n".join(self._data))
            self._name, self._data = "message", []
            return event
        return None
