"""The model client: one streamed chat completion through the proxy, accepted whole or not at all.

An answer counts only when it ended with `stop` or `tool_calls`; anything else raises before a tool can run. Client
libraries complete a tool call that was cut off (`"stake":1` of `100` became valid), hence this strictness.
Why not the openai package: it takes half the CPU of a streamed turn (docs/adr/0002-lean-model-client.md).
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Self, cast

import aiohttp
import orjson

from pilothouse.errors import (
    BadInputError,
    ForbiddenError,
    IncompleteAnswerError,
    PilothouseError,
    TimedOutError,
    UnavailableError,
    UpstreamError,
)
from pilothouse.outgoing import until_reached
from pilothouse.text import without_nul

Message = Mapping[str, Any]  # OpenAI's chat message, ready for JSON
ACCEPTED_ENDS = ("stop", "tool_calls")
MAX_LINE_BYTES = 4_000_000
CONNECT_TIMEOUT_S = 5
RESTART_WAIT_S = 5  # the supervisor has a killed proxy back within two


@dataclass(frozen=True)
class Request:
    """What is asked, from which run and node (both go into the ledger). The proxy too holds the run to its budget."""

    model: str
    messages: Sequence[Message]
    tools: Sequence[Mapping[str, Any]]
    run_id: str
    node: str
    deadline_s: float = 180
    budget_usd: Decimal | None = None  # of the whole run


@dataclass(frozen=True)
class ToolCall:
    """A tool the model asks for. `arguments` is the model's raw JSON text, not yet trusted."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class Usage:
    """Who was asked and who served, at what cost. It is None when the provider did not say one."""

    asked_model: str
    served_model: str
    provider: str
    prompt_tokens: int
    completion_tokens: int
    cost_usd: Decimal | None
    attempts: int = 1  # these four are missing in what was journaled before they were counted
    latency_ms: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    text: str
    tool_calls: tuple[ToolCall, ...]
    usage: Usage

    def to_json(self) -> dict[str, Any]:
        """As the journal keeps it; money as text."""
        cost = self.usage.cost_usd
        usage = {**vars(self.usage), "cost_usd": None if cost is None else str(cost)}
        return {"text": self.text, "tool_calls": [vars(call) for call in self.tool_calls], "usage": usage}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Self:
        """The reverse."""
        cost = kept["usage"]["cost_usd"]
        values: dict[str, Any] = {**kept["usage"], "cost_usd": None if cost is None else Decimal(cost)}
        usage = Usage(**values)
        return cls(text=kept["text"], tool_calls=tuple(ToolCall(**call) for call in kept["tool_calls"]), usage=usage)


@dataclass
class _Partial:
    """An answer under way; becomes an `Answer` only when it is whole."""

    asked_model: str
    text: list[str] = field(default_factory=list[str])
    calls: dict[int, dict[str, str]] = field(default_factory=dict[int, dict[str, str]])
    served_model: str = ""
    provider: str = ""
    attempts: int = 1
    began_s: float = field(default_factory=time.monotonic)
    usage: dict[str, Any] = field(default_factory=dict[str, Any])
    end: str | None = None


class ModelClient:
    """The way to the proxy."""

    def __init__(
        self, *, session: aiohttp.ClientSession, url: str, key: str, restart_wait_s: float = RESTART_WAIT_S
    ) -> None:
        """`url` is the proxy's address, `key` this process's key for it."""
        self._session = session
        self._restart_wait_s = restart_wait_s
        self._url = url.rstrip("/") + "/v1/chat/completions"
        self._authorization = f"Bearer {key}"

    async def complete(self, request: Request, on_text: Callable[[str], None]) -> Answer:
        """Stream one completion; `on_text` gets the words as they come. Raises unless the answer is whole."""
        partial = _Partial(asked_model=request.model)
        try:
            async with asyncio.timeout(request.deadline_s), self._open(request) as response:
                partial.attempts = int(response.headers.get("X-Pilothouse-Attempts", 1))
                async for line in response.content:
                    _take_line(line, partial, on_text)
        except TimeoutError as error:
            raise TimedOutError(
                f"the model did not finish within {request.deadline_s:.0f} s", hint="ask again, or another model"
            ) from error
        except aiohttp.ClientConnectorError as error:
            raise UnavailableError("the proxy cannot be reached", hint="bin/pilothouse status") from error
        except (aiohttp.ClientError, ValueError) as error:
            raise IncompleteAnswerError("the model's answer broke off", hint="ask again") from error
        return _whole(partial)

    @asynccontextmanager
    async def _open(self, request: Request) -> AsyncGenerator[aiohttp.ClientResponse]:
        body: dict[str, Any] = {"model": request.model, "messages": list(request.messages), "stream": True}
        if request.tools:
            body["tools"] = list(request.tools)
        headers = {
            "Authorization": self._authorization,
            "Content-Type": "application/json",
            "X-Pilothouse-Run": request.run_id,
            "X-Pilothouse-Node": request.node,
        }
        if request.budget_usd is not None:
            headers["X-Pilothouse-Run-Budget"] = f"{request.budget_usd:f}"
        async with await self._post(orjson.dumps(body), headers, deadline_s=request.deadline_s) as response:
            if response.status != 200:  # noqa: PLR2004 -- the HTTP status
                raise _refusal(response.status, await response.read(), request.model)
            yield response

    async def _post(self, body: bytes, headers: dict[str, str], *, deadline_s: float) -> aiohttp.ClientResponse:
        """Waits a little for a proxy that is being started again: to one that cannot be reached, nothing was sent."""
        timeout = aiohttp.ClientTimeout(total=deadline_s, sock_connect=CONNECT_TIMEOUT_S)
        return await until_reached(
            lambda: self._session.post(
                self._url, data=body, headers=headers, timeout=timeout, read_bufsize=MAX_LINE_BYTES
            ),
            unreachable=aiohttp.ClientConnectorError,
            wait_s=self._restart_wait_s,
        )


def _take_line(line: bytes, partial: _Partial, on_text: Callable[[str], None]) -> None:
    data = line.removeprefix(b"data:").strip()
    if not line.startswith(b"data:") or data == b"[DONE]":
        return
    try:
        _take_chunk(orjson.loads(data), partial, on_text)
    except (AttributeError, TypeError, orjson.JSONDecodeError) as error:
        raise IncompleteAnswerError("the model's stream holds something that is no chunk", hint="ask again") from error


def _take_chunk(chunk: dict[str, Any], partial: _Partial, on_text: Callable[[str], None]) -> None:
    if error := chunk.get("error"):
        raise IncompleteAnswerError(_message(error), hint=_hint(error) or "ask again")
    partial.served_model = without_nul(chunk.get("model")) or partial.served_model
    partial.provider = without_nul(chunk.get("provider")) or partial.provider
    partial.usage = chunk.get("usage") or partial.usage
    for choice in chunk.get("choices") or ():
        _take_delta(choice.get("delta") or {}, partial, on_text)
        partial.end = choice.get("finish_reason") or partial.end


def _take_delta(delta: dict[str, Any], partial: _Partial, on_text: Callable[[str], None]) -> None:
    if text := without_nul(delta.get("content")):
        partial.text.append(text)
        on_text(text)
    for piece in delta.get("tool_calls") or ():
        call = partial.calls.setdefault(piece.get("index", 0), {"id": "", "name": "", "arguments": ""})
        function: dict[str, Any] = piece.get("function") or {}
        call["id"] = without_nul(piece.get("id")) or call["id"]
        call["name"] = without_nul(function.get("name")) or call["name"]
        call["arguments"] += without_nul(function.get("arguments")) or ""


def _whole(partial: _Partial) -> Answer:
    if partial.end == "length":
        hint = "ask for less, or set a model with a larger output limit"
        raise IncompleteAnswerError("the model reached its output limit (max_tokens)", hint=hint)
    if partial.end not in ACCEPTED_ENDS:
        came = f"'{partial.end}'" if partial.end else "nothing"
        raise IncompleteAnswerError(f"expected the answer to end with 'stop' or 'tool_calls', came {came}")
    calls = tuple(ToolCall(**partial.calls[index]) for index in sorted(partial.calls))
    if any(not call.id or not call.name for call in calls) or (partial.end == "tool_calls" and not calls):
        raise IncompleteAnswerError("the model asked for a tool without saying which", hint="ask again")
    return Answer(text="".join(partial.text), tool_calls=calls, usage=_usage(partial))


def _usage(partial: _Partial) -> Usage:
    cost = partial.usage.get("cost")
    return Usage(
        asked_model=partial.asked_model,
        served_model=partial.served_model,
        provider=partial.provider,
        prompt_tokens=int(partial.usage.get("prompt_tokens") or 0),
        completion_tokens=int(partial.usage.get("completion_tokens") or 0),
        # The shortest text of a float is the text the provider wrote; the ledger reads the raw bytes.
        cost_usd=None if cost is None else Decimal(str(cost)),
        attempts=partial.attempts,
        latency_ms=round((time.monotonic() - partial.began_s) * 1000),
        cached_tokens=_detail(partial.usage.get("prompt_tokens_details"), "cached_tokens"),
        reasoning_tokens=_detail(partial.usage.get("completion_tokens_details"), "reasoning_tokens"),
    )


def _detail(details: Any, name: str) -> int:
    counted: Any = cast("dict[str, Any]", details).get(name) if isinstance(details, dict) else None
    return counted if isinstance(counted, int) else 0


def _refusal(status: int, raw: bytes, model: str) -> PilothouseError:
    """The provider's (or proxy's) refusal in our terms; the proxy's own says what to do next."""
    said, hint = _refusal_text(raw), _hint(_refusal_error(raw))
    if status == 402:  # noqa: PLR2004 -- the HTTP status
        return ForbiddenError(
            f"no budget for a call to {model}: {said}", hint=hint or "raise the limit or top up, then ask again"
        )
    if status == 429:  # noqa: PLR2004 -- the HTTP status
        return UnavailableError(f"{model} is rate limited: {said}", hint=hint or "wait a little, or ask another model")
    if status == 406:  # noqa: PLR2004 -- the HTTP status; the proxy's for what may have been billed and is not whole
        return IncompleteAnswerError(said, hint=hint or "ask again")
    if status in (503, 504):
        return UnavailableError(f"{model} is not available: {said}", hint=hint or "wait a little, or ask another model")
    if status in (400, 404, 422):
        return BadInputError(f"{model} refused the request: {said}", hint=hint or "check PILOTHOUSE_MODEL")
    if status in (401, 403):
        hint = hint or "check OPENROUTER_API_KEY, and the limits set at the provider; bin/pilothouse spend status"
    return UpstreamError(f"{model} refused with HTTP {status}: {said}", hint=hint or "bin/pilothouse logs proxy")


def _refusal_text(raw: bytes) -> str:
    error = _refusal_error(raw)
    return "no readable reason" if error is None else _message(error)


def _hint(error: Any) -> str:
    """The proxy's own errors have one."""
    metadata = cast("dict[str, Any]", error).get("metadata") if isinstance(error, dict) else None
    return str(cast("dict[str, Any]", metadata).get("hint") or "") if isinstance(metadata, dict) else ""


def _refusal_error(raw: bytes) -> Any:
    try:
        body: Any = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return cast("dict[str, Any]", body).get("error") if isinstance(body, dict) else None


def _message(error: Any) -> str:
    said = cast("dict[str, Any]", error).get("message") if isinstance(error, dict) else error
    return str(said)[:300]
