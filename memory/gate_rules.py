"""Who may replace whom, what is compared at all, and which quarantined sources a person lets in by a rule."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from memory.payload import is_served, is_tainted
from memory.records import Source

STRUCTURED = ("decision", "backtest", "outcome")  # figures in fixed words: two that read alike are two
SAID_BY_PERSON = ("person", "import", "turn", "tool")  # in a clean conversation it was the person who said it


def is_structured(payload: Mapping[str, Any]) -> bool:
    """Whether its words are never compared with others."""
    return payload.get("kind") in STRUCTURED


def may_replace(newer: Mapping[str, Any], older: Mapping[str, Any], *, at: datetime) -> bool:
    """Whether a contradiction is settled in favour of the newer one. What others wrote replaces nothing."""
    if is_tainted(newer) or is_structured(newer) or is_structured(older) or not is_served(older, at=at):
        return False
    return _age(older) < _age(newer) and _rank(older) <= _rank(newer)


def is_admitted(source: Source, rules: Sequence[str]) -> bool:
    """Whether a person's rule, as `hook:news-*`, lets in at once what comes tainted from there."""
    return any(_matches(source, rule) for rule in rules)


def _matches(source: Source, rule: str) -> bool:
    kind, _, name = rule.partition(":")
    return source.kind == kind and fnmatchcase(source.name, name)


def _rank(payload: Mapping[str, Any]) -> int:
    if is_tainted(payload):
        return 0
    return 2 if payload["source"]["kind"] in SAID_BY_PERSON else 1


def _age(payload: Mapping[str, Any]) -> tuple[datetime, int]:
    return datetime.fromisoformat(payload["created_at"]), payload.get("position", 0)
