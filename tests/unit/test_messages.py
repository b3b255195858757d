"""What a model is sent is always a conversation that providers accept."""

import orjson
from langchain_core.messages import AnyMessage, HumanMessage

from agents.messages import from_answer, pending_calls, to_openai, tool_message
from pilothouse.models import Answer, ToolCall, Usage

USAGE = Usage("m", "m", "p", 1, 1, None)


def asked(run: str, *call_ids: str) -> AnyMessage:
    """A model's message that asks for tools, with ids of the model's choice."""
    calls = tuple(ToolCall(call_id, "look", "{}") for call_id in call_ids)
    return from_answer(Answer("", calls, USAGE), run_id=run, step="think.0")


def answered(message: AnyMessage, place: int, result: str) -> AnyMessage:
    """What came of one of its calls."""
    run_id = str(message.id).partition(":")[0]
    return tool_message(pending_calls(message)[place], {"status": "ok", "result": result}, run_id=run_id)


def results(messages: list[AnyMessage]) -> list[tuple[str, object]]:
    """Of the tool calls, in order."""
    shown = [message for message in to_openai(messages) if message["role"] == "tool"]
    return [(message["tool_call_id"], orjson.loads(str(message["content"]))) for message in shown]


def test_a_call_without_a_result_gets_one_right_after_it() -> None:
    call = asked("r1", "c1", "c2")

    shown = to_openai([HumanMessage("Look", id="r1"), call, answered(call, 1, "seen"), HumanMessage("And?", id="r2")])

    assert [message["role"] for message in shown] == ["user", "assistant", "tool", "tool", "user"]
    assert "interrupted" in shown[2]["content"]
    assert orjson.loads(str(shown[3]["content"])) == "seen"


def test_a_result_is_not_taken_for_that_of_another_turns_call_with_the_same_id() -> None:
    first, second = asked("r1", "c1"), asked("r2", "c1")

    [(_, old), (_, new)] = results([first, answered(first, 0, "old"), HumanMessage("Again", id="r2"), second])

    assert old == "old"
    assert "interrupted" in str(new)


def test_two_calls_of_one_answer_never_share_an_id() -> None:
    call = asked("r1", "c1", "c1")

    shown = to_openai([call, answered(call, 0, "a"), answered(call, 1, "b")])

    ids = [each["id"] for each in shown[0]["tool_calls"]]
    assert len(set(ids)) == 2
    assert results([call, answered(call, 0, "a"), answered(call, 1, "b")]) == [(ids[0], "a"), (ids[1], "b")]


def test_results_follow_the_order_of_the_calls_whichever_came_first() -> None:
    call = asked("r1", "c1", "c2")

    assert results([call, answered(call, 1, "b"), answered(call, 0, "a")]) == [("c1", "a"), ("c2", "b")]


def test_a_result_whose_call_is_not_shown_is_not_sent() -> None:
    call = asked("r1", "c1")

    assert to_openai([answered(call, 0, "a"), HumanMessage("Hello", id="r2")]) == [{"role": "user", "content": "Hello"}]
