"""Reads usage, model and provider out of an answer while its raw bytes pass by, and stops at what is not whole.

Cost is read as text into `Decimal`. What the ledger's columns cannot hold is left out, so that nothing a provider
sends keeps its row from being completed. Shapes: OpenRouter's "usage accounting" and "streaming" pages.
"""

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from proxy.calls import Outcome
from proxy.whole import Ends, NotWholeError, kind_of, unreadable

MAX_LINE_BYTES = 8_000_000  # of one chunk: images come in one
MAX_TEXT = 200
MAX_TOKENS = 2**31 - 1  # PostgreSQL's integer
MAX_COST_USD = 1_000_000
MAX_DECIMALS = 1_000  # far from PostgreSQL's limit, and from any price
EXACT = json.JSONDecoder(parse_float=Decimal)  # made once: `json.loads` would make one for each answer


class StreamReader:
    """Feed it an event stream, split anywhere: it gives back the lines that may be passed on, unchanged."""

    def __init__(self, outcome: Outcome, asked: bytes) -> None:
        """Writes into `outcome` as facts come by."""
        self.broken: NotWholeError | None = None
        self._outcome = outcome
        self._ends = Ends(asked)
        self._rest = bytearray()
        self._in_event = False

    def feed(self, chunk: bytes) -> bytes:
        """Everything up to the last line that ends here; once `broken`, nothing, but usage is still read."""
        end = chunk.rfind(b"\n") + 1
        if not end:
            self._keep(chunk)
            return b""
        ready = bytes(self._rest) + chunk[:end]
        self._rest.clear()
        passed = self._take(ready)
        self._keep(chunk[end:])
        return passed

    def finish(self) -> bytes:
        """The last line may have come without its end, which clients would drop."""
        passed = self.feed(b"\n\n") if self._rest or self._in_event else b""
        if self.broken is None:
            self._note_unless_whole()
        return passed

    def break_off(self, cause: str) -> bytes:
        """The provider is gone: what had ended by then is whole, if not accounted for."""
        self._rest.clear()
        if self._ends.whole:
            if self._outcome.cost_usd is None:
                self._outcome.note(cause)
            return self.finish()
        self._break(NotWholeError(cause, reason="broke_off"))
        return b""

    def _keep(self, chunk: bytes) -> None:
        self._rest += chunk
        if len(self._rest) > MAX_LINE_BYTES:
            self._rest.clear()
            self._break(unreadable())

    def _take(self, ready: bytes) -> bytes:
        place = 0
        for line in ready.split(b"\n")[:-1]:
            try:
                self._take_line(line.removesuffix(b"\r"))
            except NotWholeError as error:
                self._break(error)
            if self.broken is None:
                place += len(line) + 1
        return ready[:place]

    def _take_line(self, line: bytes) -> None:
        if self.broken is None:
            self._in_event = bool(line)
        if b"\r" in line:  # ends a line for some clients, so that they would read other events than we do
            raise unreadable()
        if not line.startswith(b"data:") and line != b"data":  # a comment, a blank line, another field
            return
        data = line[5:].lstrip()
        if data.startswith(b"[DONE]"):
            self._ends.finish()
            return
        if self._outcome.served_model is None or b'"usage"' in data or b'"error"' in data:
            read_answer(data, self._outcome)
        if self.broken is None:
            self._ends.take_chunk(data)

    def _note_unless_whole(self) -> None:
        try:
            self._ends.finish()
        except NotWholeError as error:
            self._break(error)

    def _break(self, error: NotWholeError) -> None:
        self.broken = self.broken or error
        self._outcome.note(self.broken.kept)


def read_head(headers: Mapping[str, str], outcome: Outcome) -> None:
    """The generation's id comes first of all, so that a call that is cut off can be looked up."""
    outcome.generation_id = _text(headers.get("X-Generation-Id"))


def read_answer(raw: bytes, outcome: Outcome) -> None:
    """Take over what one JSON object (a whole answer or one chunk) says."""
    try:
        answer: Any = EXACT.decode(raw.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError, InvalidOperation):  # also: nested too deep, an exponent beyond `Decimal`
        answer = None
    if isinstance(answer, dict):
        _take(cast("dict[str, Any]", answer), outcome)
    else:
        outcome.note("the provider sent something that is not a JSON object")


def read_record(raw: bytes, outcome: Outcome) -> None:
    """Take over what the provider's own record of a call says (/generation); nothing when it has none yet."""
    if (record := read_data(raw)) is not None:
        _take_record(record, outcome)


def read_data(raw: bytes) -> dict[str, Any] | None:
    """The object that the provider's own records are in, money as `Decimal`; None when there is none."""
    try:
        answer: Any = json.loads(raw, parse_float=Decimal)
    except (ValueError, RecursionError, InvalidOperation):
        return None
    data: Any = cast("dict[str, Any]", answer).get("data") if isinstance(answer, dict) else None
    return cast("dict[str, Any]", data) if isinstance(data, dict) else None


def _take_record(record: dict[str, Any], outcome: Outcome) -> None:
    outcome.served_model = _text(record.get("model"))
    outcome.provider = _text(record.get("provider_name"))
    outcome.prompt_tokens = _count(record.get("native_tokens_prompt"))
    outcome.completion_tokens = _count(record.get("native_tokens_completion"))
    outcome.cost_usd = _cost(record.get("total_cost"))


def _take(answer: dict[str, Any], outcome: Outcome) -> None:
    outcome.generation_id = outcome.generation_id or _text(answer.get("id"))
    outcome.served_model = _text(answer.get("model")) or outcome.served_model
    outcome.provider = _text(answer.get("provider")) or outcome.provider
    usage = answer.get("usage")
    if isinstance(usage, dict):
        _take_usage(cast("dict[str, Any]", usage), outcome)
    if error := answer.get("error"):
        outcome.note(kind_of(error))


def _take_usage(usage: dict[str, Any], outcome: Outcome) -> None:
    outcome.prompt_tokens = _count(usage.get("prompt_tokens"))
    outcome.completion_tokens = _count(usage.get("completion_tokens"))
    outcome.cached_tokens = _detail(usage.get("prompt_tokens_details"), "cached_tokens")
    outcome.reasoning_tokens = _detail(usage.get("completion_tokens_details"), "reasoning_tokens")
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


def _detail(details: Any, name: str) -> int | None:
    return _count(cast("dict[str, Any]", details).get(name)) if isinstance(details, dict) else None


def _cost(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    cost = Decimal(value)
    return cost if 0 <= cost < MAX_COST_USD and int(cost.as_tuple().exponent) >= -MAX_DECIMALS else None
