"""Reads usage, model and provider out of an answer while its raw bytes pass by; changes nothing in them.

Cost is read as text into `Decimal`. Shapes: OpenRouter's "usage accounting" and "streaming" pages.
"""

import json
from decimal import Decimal
from typing import Any, cast

from proxy.ledger import Outcome

MAX_LINE_BYTES = 1_000_000


class StreamReader:
    """Feed it the chunks of an event stream, split anywhere."""

    def __init__(self, outcome: Outcome) -> None:
        """Writes into `outcome` as facts come by."""
        self._outcome = outcome
        self._rest = b""

    def feed(self, chunk: bytes) -> None:
        """Read every line completed by this chunk."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        self._rest = self._rest[:MAX_LINE_BYTES]
        for line in lines:
            if line.startswith(b"data: {") and self._worth_reading(line):
                read_answer(line[6:], self._outcome)

    def _worth_reading(self, line: bytes) -> bool:
        return self._outcome.generation_id is None or b'"usage"' in line or b'"error"' in line


def read_answer(raw: bytes, outcome: Outcome) -> None:
    """Take over what one JSON object (a whole answer or one chunk) says."""
    try:
        answer: Any = json.loads(raw, parse_float=Decimal)
    except ValueError:
        outcome.error = "the provider sent something that is not JSON"
        return
    if isinstance(answer, dict):
        _take(cast("dict[str, Any]", answer), outcome)


def _take(answer: dict[str, Any], outcome: Outcome) -> None:
    outcome.generation_id = outcome.generation_id or _text(answer.get("id"))
    outcome.served_model = _text(answer.get("model")) or outcome.served_model
    outcome.provider = _text(answer.get("provider")) or outcome.provider
    usage = answer.get("usage")
    if isinstance(usage, dict):
        _take_usage(cast("dict[str, Any]", usage), outcome)
    error = answer.get("error")
    if isinstance(error, dict):
        outcome.error = str(cast("dict[str, Any]", error).get("message", "the provider failed"))[:500]


def _take_usage(usage: dict[str, Any], outcome: Outcome) -> None:
    outcome.prompt_tokens = _count(usage.get("prompt_tokens"))
    outcome.completion_tokens = _count(usage.get("completion_tokens"))
    cost = usage.get("cost")
    if isinstance(cost, int | Decimal) and not isinstance(cost, bool):
        outcome.cost_usd = Decimal(cost)


def _text(value: Any) -> str | None:
    return value[:200] if isinstance(value, str) else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
