"""What may be read back from a thread's stored state: plain values, messages, pending tool calls. Nothing else.

LangGraph's own serializer imports and calls whatever a row names, unless told otherwise; told otherwise, it hands an
unlisted type back as a plain dict without a word. Here both are an error, and no environment variable changes that.
"""

from collections.abc import Callable
from typing import Any

import ormsgpack
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Send

from pilothouse import log
from pilothouse.errors import PilothouseError

MADE_FROM_FIELDS = 5  # LangGraph's extension codes: a pydantic model ...
MADE_FROM_ARGUMENTS = 1  # ... and a call with arguments in order
ENCODINGS = ("null", "msgpack")
HINT = "restore the database from a backup, or delete the thread: bin/pilothouse threads delete"

logger = log.get_logger()

Key = tuple[int, str, str]


def _key(code: int, made: type) -> Key:
    return code, made.__module__, made.__qualname__


# Every type of `agents/state.py`; a test takes each of them there and back.
MAKERS: dict[Key, Callable[[Any], Any]] = {
    _key(MADE_FROM_FIELDS, HumanMessage): lambda fields: HumanMessage(**fields),
    _key(MADE_FROM_FIELDS, AIMessage): lambda fields: AIMessage(**fields),
    _key(MADE_FROM_FIELDS, ToolMessage): lambda fields: ToolMessage(**fields),
    _key(MADE_FROM_ARGUMENTS, Send): lambda arguments: Send(*arguments),
}


class UnreadableStateError(PilothouseError):
    """What is stored of this thread cannot be read; other threads are not affected."""

    code = "unreadable_state"


class StrictSerializer(JsonPlusSerializer):
    """Writes as LangGraph does; reads only what we write."""

    def __init__(self) -> None:
        """No options: strict is not one."""
        super().__init__(allowed_msgpack_modules=None, __unpack_ext_hook__=_make)

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """A stored value; whatever we never write is refused."""
        if data[0] not in ENCODINGS:
            raise UnreadableStateError(
                f"a stored value is encoded as '{data[0][:40]}', which we never write", hint=HINT
            )
        try:
            return super().loads_typed(data)
        except ormsgpack.MsgpackDecodeError as error:
            raise UnreadableStateError("a stored value is damaged, or of a type we never write", hint=HINT) from error


def _make(code: int, data: bytes) -> Any:
    module, name, given, *_ = ormsgpack.unpackb(data, ext_hook=_make, option=ormsgpack.OPT_NON_STR_KEYS)
    maker = MAKERS.get((code, module, name))
    if maker is None:  # logged here: what is raised in a hook does not reach whoever decodes
        logger.error("state.refused", type=f"{module}.{name}"[:200])
        raise UnreadableStateError(f"{module}.{name} is not listed in {__name__}")
    return maker(given)
