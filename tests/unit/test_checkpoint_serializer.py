"""What a thread's stored state may hold: everything we write, and nothing that runs when it is read."""

from pathlib import Path

import ormsgpack
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Send

from agents.messages import from_answer
from agents.serializer import StrictSerializer, UnreadableStateError
from agents.state import PendingCall, State
from pilothouse.models import Answer, ToolCall, Usage
from tests.fixtures.checkpoints import crafted_row

CALL = PendingCall(step="think.0.0", id="call_1", name="memory_save", arguments='{"text": "tea"}')
ASKED = ToolCall(id="call_1", name="memory_save", arguments="{}")
ANSWER = Answer("Saving.", (ASKED,), Usage("asked", "served", "provider", 1, 1, None))
STATE: State = {
    "messages": [
        HumanMessage("Remember tea \N{TEACUP WITHOUT HANDLE}", id="run"),
        from_answer(ANSWER, run_id="run", step="think.0"),
        ToolMessage('{"saved":true}', id="run:think.0.0", tool_call_id="call_1", name="memory_save", status="error"),
        AIMessage("Done.", id="run:think.1"),
    ],
    "left_out": 40,
    "memories": "<memories>likes coffee</memories>",
    "recalled": ["0b9f6c0e-6f0e-4c52-9d43-2f5d5f8f8a11"],
    "rounds": 2,
    "tells_of": "0b7e8f56-4d0c-4b5a-9a53-0d1f5a7c2e11",
}


@pytest.mark.parametrize("value", [*STATE.values(), [Send("act", CALL)], None], ids=lambda value: type(value).__name__)
def test_everything_in_a_state_comes_back_as_it_was(value: object) -> None:
    serializer = StrictSerializer()

    assert serializer.loads_typed(serializer.dumps_typed(value)) == value


def test_the_round_trip_covers_every_key_of_the_state() -> None:
    assert STATE.keys() == State.__annotations__.keys()


@pytest.mark.parametrize("code", range(8))
def test_a_row_that_would_call_a_function_is_refused_and_nothing_is_called(code: int, tmp_path: Path) -> None:
    folder = tmp_path / "called"

    with pytest.raises(UnreadableStateError):
        StrictSerializer().loads_typed(crafted_row(code, "os", "mkdir", str(folder)))

    assert not folder.exists()


def test_without_our_serializer_the_same_row_calls_it(tmp_path: Path) -> None:
    folder = tmp_path / "called"

    JsonPlusSerializer(allowed_msgpack_modules=True).loads_typed(crafted_row(0, "os", "mkdir", str(folder)))

    assert folder.exists()


@pytest.mark.parametrize("encoding", ["json", "pickle", "bytes"])
def test_encodings_we_never_write_are_refused(encoding: str) -> None:
    with pytest.raises(UnreadableStateError, match=encoding):
        StrictSerializer().loads_typed((encoding, b'{"lc": 1, "type": "secret", "id": ["HOME"]}'))


@pytest.mark.parametrize("damaged", [b"", b"\xc1", ormsgpack.packb(ormsgpack.Ext(5, b"\x01"))])
def test_damage_is_one_clear_error(damaged: bytes) -> None:
    with pytest.raises(UnreadableStateError, match="damaged"):
        StrictSerializer().loads_typed(("msgpack", damaged))
