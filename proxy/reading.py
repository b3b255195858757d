"""Reads usage, model and provider out of an answer while its raw bytes pass by; changes nothing in them.

Cost is read as text into `Decimal`. What the ledger's columns cannot hold is left out, so that nothing a provider
sends keeps its row from being completed. Shapes: OpenRouter's "usage accounting" and "streaming" pages.
"""

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from proxy.ledger import Outcome

MAX_LINE_BYTES = 1_000_000
MAX_TEXT = 200
MAX_ERROR_TEXT = 500
MAX_TOKENS = 2**31 - 1  # PostgreSQL's integer
MAX_COST_USD = 1_000_000
MAX_DECIMALS = 1_000  # far from PostgreSQL's limit, and from any price


class StreamReader:
    """Feed it the chunks of an event stream, split anywhere."""

    def __init__(self, outcome: Outcome) -> None:
        """Writes into `outcome` as facts come by."""
        self._outcome = outcome
        self._rest = b""

    def feed(self, chunk: bytes) -> None:
        """Read every line completed by this chunk."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        self._rest = self._rest[: MAX_LINE_BYTES + 1]  # one too many, so that a shortened line is known as such
        for line in lines:
            if line.startswith(b"data:") and self._worth_reading(line):
                read_answer(line[5:], self._outcome)

    def finish(self) -> None:
        """The last line may have come without its end."""
        self.feed(b"\n")

    def _worth_reading(self, line: bytes) -> bool:
        if len(line) > MAX_LINE_BYTES or not line[5:].lstrip().startswith(b"{"):
            return False
        return self._outcome.served_model is None or b'"usage"' in line or b'"error"' in line


def read_head(headers: Mapping[str, str], outcome: Outcome) -> None:
    """The generation's id comes first of all, so that a call that is cut off can be looked up."""
    outcome.generation_id = _text(headers.get("X-Generation-Id"))


def read_answer(raw: bytes, outcome: Outcome) -> None:
    """Take over what one JSON object (a whole answer or one chunk) says."""
    try:
        answer: Any = json.loads(raw, parse_float=Decimal)
    except (ValueError, RecursionError, InvalidOperation):  # also: nested too deep, an exponent beyond `Decimal`
        answer = None
    if isinstance(answer, dict):
        _take(cast("dict[str, Any]", answer), outcome)
    else:
        outcome.note("the provider sent something that is not a JSON object")


def _take(answer: dict[str, Any], outcome: Outcome) -> None:
    outcome.generation_id = outcome.generation_id or _text(answer.get("id"))
    outcome.served_model = _text(answer.get("model")) or outcome.served_model
    outcome.provider = _text(answer.get("provider")) or outcome.provider
    usage = answer.get("usage")
    if isinstance(usage, dict):
        _take_usage(cast("dict[str, Any]", usage), outcome)
    if error := answer.get("error"):
        message = cast("dict[str, Any]", error).get("message") if isinstance(error, dict) else error
        outcome.note(_text(message, MAX_ERROR_TEXT) or "the provider failed")


def _take_usage(usage: dict[str, Any], outcome: Outcome) -> None:
    outcome.prompt_tokens = _count(usage.get("prompt_tokens"))
    outcome.completion_tokens = _count(usage.get("completion_tokens"))
    cost = _cost(usage.get("cost"))
    outcome.cost_usd = outcome.cost_usd if cost is None else cost


def _text(value: Any, length: int = MAX_TEXT) -> str | None:
    """Without what PostgreSQL refuses: NUL, and halves of surrogate pairs."""
    if not isinstance(value, str):
        return None
    return value[:length].replace("\0", "").encode("utf-8", "replace").decode() or None


def _count(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= MAX_TOKENS else None


def _cost(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    cost = Decimal(value)
    return cost if 0 <= cost < MAX_COST_USD and int(cost.as_tuple().exponent) >= -MAX_DECIMALS else None
