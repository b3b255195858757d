"""Which turns are given up after some attempts, and which wait for better times."""

from typing import Any

import httpx
import openai
import pytest

from memory.extraction import refused


@pytest.mark.parametrize("status", [400, 404, 422])
def test_what_the_model_refuses_it_will_refuse_again(status: int) -> None:
    assert refused(raised(status))


@pytest.mark.parametrize("status", [401, 402, 403, 408, 429, 502, 503])
def test_keys_budgets_and_outages_pass(status: int) -> None:
    assert not refused(raised(status))


@pytest.mark.parametrize(
    ("reason", "again"), [("length", True), ("tool_call", True), ("broke_off", False), ("gateway", False)]
)
def test_an_answer_that_is_not_whole_is_given_up_only_when_the_next_will_not_be_either(
    reason: str, *, again: bool
) -> None:
    assert refused(raised(406, {"code": 406, "metadata": {"reason": reason}})) is again


def test_what_was_not_said_by_a_model_is_no_refusal() -> None:
    assert not refused(RuntimeError("the store is full"))


def raised(status: int, body: dict[str, Any] | None = None) -> Exception:
    error = RuntimeError("Mem0 wraps it")
    response: Any = httpx.Response(status, request=httpx.Request("POST", "http://127.0.0.1/v1/chat/completions"))
    error.__cause__ = openai.APIStatusError("no", response=response, body=body)
    return error
