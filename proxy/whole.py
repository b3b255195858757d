"""Whether an answer is whole: it ended with `stop` or `tool_calls`, and its tool calls are complete JSON.

Client libraries complete a tool call that was cut off (`"stake":1` of `100` became valid), and take a stream without a
finish_reason for an answer. So what is not whole leaves the proxy as an error, and the bad end itself never does.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, cast

import orjson
from starlette.responses import JSONResponse, Response

from pilothouse.errors import IncompleteAnswerError
from proxy.refusals import shaped

ACCEPTED_ENDS = ("stop", "tool_calls")
MAX_ERROR_TEXT = 500
NAME = re.compile(r"[A-Za-z0-9_.-]{1,40}")
SHAPELESS = (AttributeError, KeyError, TypeError, ValueError, RecursionError)  # what taking apart odd JSON raises
ASK_AGAIN = "use nothing of it; asking again costs again"


class NotWholeError(IncompleteAnswerError):
    """An answer that may have been billed and must not be used.

    406, because no client repeats it by itself: `openai` and langchain-openai repeat 408, 409, 429 and 5xx, n8n and
    langchain.js whatever is not in 400 to 407 or 409. To pay again is for the caller to decide.
    """

    status = 406

    def __init__(
        self, message: str, *, reason: str, hint: str = ASK_AGAIN, over: bool = False, kept: str | None = None
    ) -> None:
        """`reason` is for programs, `kept` for the ledger, if `message` holds a provider's words.

        `over`: the provider is at its end, so that only usage and cost still come.
        """
        super().__init__(message, hint=hint)
        self.reason = reason
        self.over = over
        self.kept = message if kept is None else kept

    def body(self) -> dict[str, Any]:
        """With the reason, next to the hint."""
        return {"error": super().body()["error"] | {"reason": self.reason}}

    def answer(self, headers: Mapping[str, str]) -> Response:
        """In place of an unstreamed answer."""
        body = shaped(self.body()["error"], self.status)
        return JSONResponse(body, self.status, {**headers, "Content-Type": "application/json"})

    def chunk(self) -> bytes:
        """OpenRouter's shape for a failure in mid-stream. It ends the line before, whatever stood there."""
        end: dict[str, Any] = {"choices": [{"index": 0, "delta": {}, "finish_reason": "error"}]}
        return b"\ndata: " + orjson.dumps(shaped(self.body()["error"], self.status) | end) + b"\n\n"


class Ends:
    """How far each choice of an answer has come. Raises on what must not be passed on."""

    def __init__(self, asked: bytes) -> None:
        """`asked`: the request, which names the limit when the answer reaches it."""
        self._asked = asked
        self._ended: dict[Any, bool] = {}
        self._arguments: dict[Any, dict[Any, list[str]]] = {}

    def take_chunk(self, raw: bytes) -> None:
        """One chunk of a stream."""
        try:
            self.take(load(raw), part="delta")
        except SHAPELESS as error:
            raise unreadable() from error

    def take(self, answer: Any, *, part: str) -> None:
        """`part`: where a choice says something, `delta` or `message`."""
        if error := answer.get("error"):
            raise _failed(error)
        for choice in answer.get("choices") or ():
            if error := choice.get("error"):
                raise _failed(error)
            self._take_choice(choice, choice.get(part) or {})

    def finish(self) -> None:
        """Nothing more comes."""
        if not self.whole:
            raise NotWholeError("the model's answer ended without a finish_reason: it was cut off", reason="unfinished")

    @property
    def whole(self) -> bool:
        """Everything that began has ended well."""
        return bool(self._ended) and all(self._ended.values())

    def _take_choice(self, choice: dict[str, Any], said: dict[str, Any]) -> None:
        index = choice.get("index", 0)
        calls = said.get("tool_calls")
        if calls or said.get("content") or index not in self._ended:
            self._ended[index] = False  # also when it goes on after an end: it must end again
        for place, call in enumerate(calls or ()):
            pieces = self._arguments.setdefault(index, {}).setdefault(call.get("index", place), [])
            pieces.append((call.get("function") or {}).get("arguments") or "")
        if end := choice.get("finish_reason"):
            self._end(index, end)

    def _end(self, index: Any, end: Any) -> None:
        if end == "length":
            raise _too_long(self._asked)
        if end not in ACCEPTED_ENDS:
            said = end if isinstance(end, str) and NAME.fullmatch(end) else "something else"
            raise NotWholeError(
                f"the model's answer ended with '{said}' instead of 'stop' or 'tool_calls'",
                reason="content_filter" if end == "content_filter" else "finish_reason",
                over=True,
            )
        calls = self._arguments.get(index, {})
        if end == "tool_calls" and not calls:
            raise NotWholeError("the model asked for a tool without saying which", reason="tool_call", over=True)
        for pieces in calls.values():
            _check_arguments("".join(pieces))
        self._ended[index] = True


def find_break(raw: bytes, *, route: str, asked: bytes) -> NotWholeError | None:
    """What keeps an unstreamed answer from being whole."""
    try:
        if route == "/embeddings":
            _check_embeddings(raw)
        else:
            _check_completion(raw, asked)
    except NotWholeError as broken:
        return broken
    except SHAPELESS:
        return unreadable()
    return None


def load(raw: bytes | str) -> Any:
    """JSON. orjson refuses halves of surrogate pairs, which a provider may send in two chunks."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return json.loads(raw)


def unreadable() -> NotWholeError:
    """Garbage where a chunk or an answer was expected."""
    return NotWholeError("the provider sent something that cannot be read as an answer", reason="unreadable")


def message_of(error: Any) -> str:
    """What a provider's `error` says."""
    said = cast("dict[str, Any]", error).get("message") if isinstance(error, dict) else error
    return said[:MAX_ERROR_TEXT] if isinstance(said, str) and said else "the provider failed"


def kind_of(error: Any) -> str:
    """How a provider names its failure, for the ledger: never its sentences, which may repeat the prompt."""
    told = cast("dict[str, Any]", error) if isinstance(error, dict) else {}
    more = told.get("metadata")
    metadata = cast("dict[str, Any]", more) if isinstance(more, dict) else {}
    named = (told.get("code"), told.get("type"), metadata.get("error_type"), metadata.get("limit_source"))
    words = [str(each) for each in named if isinstance(each, int | str) and NAME.fullmatch(str(each))]
    return f"the provider failed: {' '.join(words)}" if words else "the provider failed"


def _check_completion(raw: bytes, asked: bytes) -> None:
    if b'"stream"' in asked and load(asked).get("stream") is True:
        raise unreadable()  # the client waits for events, and would take this for an empty stream
    ends = Ends(asked)
    ends.take(load(raw), part="message")
    ends.finish()


def _check_embeddings(raw: bytes) -> None:
    """They have no finish_reason: each must be there."""
    answer = load(raw)
    if error := answer.get("error"):
        raise _failed(error)
    if not answer["data"] or not all(each["embedding"] for each in answer["data"]):
        raise NotWholeError("the provider left an embedding out", reason="unfinished")


def _failed(error: Any) -> NotWholeError:
    said = message_of(error).encode("utf-8", "replace").decode()
    message = f"the provider failed midway: {said}"
    return NotWholeError(message, reason="provider_error", over=True, kept=kind_of(error))


def _too_long(asked: bytes) -> NotWholeError:
    limit = _limit(asked)
    named = f"the limit of {limit} tokens that max_tokens sets" if limit else "the model's own limit of output tokens"
    hint = "ask for less, or with a higher max_tokens; it was billed, and asking again costs again"
    return NotWholeError(f"the model's answer was cut at {named}", reason="length", hint=hint, over=True)


def _limit(asked: bytes) -> Any:
    try:
        request = load(asked)
        return request.get("max_completion_tokens") or request.get("max_tokens")
    except SHAPELESS:
        return None


def _check_arguments(arguments: str) -> None:
    """A tool without parameters may be called with none at all."""
    try:
        if arguments.strip():
            load(arguments)
    except (ValueError, RecursionError) as error:
        raise NotWholeError(
            "the arguments of a tool call are not complete JSON", reason="tool_call", over=True
        ) from error
