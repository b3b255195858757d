"""Which memories a caller asks for. A fixed list of questions with plain values: callers never write filters."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Selection:
    """`fields` the store compares; since and until bound when it was said, or the period it is about."""

    fields: Mapping[str, str]
    since: datetime | None = None
    until: datetime | None = None

    def matches(self, payload: Mapping[str, Any]) -> bool:
        """Whether a row with these fields is asked for, when the store was not asked to compare them."""
        return all(payload.get(name) == value for name, value in self.fields.items()) and self.allows(payload)

    def allows(self, payload: Mapping[str, Any]) -> bool:
        """Whether a row with these fields lies in the period."""
        subject: Mapping[str, Any] = payload.get("subject") or {}
        begins = _instant(subject.get("since") or payload["created_at"])
        ends = _instant(subject.get("until") or payload["created_at"])
        return (self.since is None or ends >= self.since) and (self.until is None or begins <= self.until)


EVERYTHING = Selection({})


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
