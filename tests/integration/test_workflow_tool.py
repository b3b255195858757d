"""`n8n_run_workflow` against a real HTTP server that misbehaves in every way we know of."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from aiohttp import ClientSession

from pilothouse.errors import BadInputError, PilothouseError, TimedOutError, UnavailableError, UpstreamError
from stack.ports import find_free
from tests.fixtures.webhook import Webhook
from tools.registry import Call, Tool
from tools.workflows import MAX_OUTPUT_BYTES, RunWorkflow, workflow_tools

MakeTool = Callable[..., Tool]
PAYLOAD = RunWorkflow(payload={"coin": "ETH", "amounts": [1, 2.5, None]})


async def test_workflow_gets_the_payload_and_its_json_comes_back(
    workflow_tool: MakeTool, webhook: Webhook, call: Call
) -> None:
    answer = await workflow_tool("json").run(call, PAYLOAD)

    assert answer == {"status": 200, "output": {"echo": {"coin": "ETH", "amounts": [1, 2.5, None]}}}
    assert webhook.received[0]["headers"]["Idempotency-Key"] == call.key
    assert "Authorization" not in webhook.received[0]["headers"]


async def test_token_is_sent_when_there_is_one(workflow_tool: MakeTool, webhook: Webhook, call: Call) -> None:
    await workflow_tool("json", token="t0ken").run(call, PAYLOAD)

    assert webhook.received[0]["headers"]["Authorization"] == "Bearer t0ken"


async def test_key_with_a_line_break_stays_one_header(workflow_tool: MakeTool, webhook: Webhook, call: Call) -> None:
    sly = replace(call, key="1:call\r\nX-Admin: yes")

    await workflow_tool("json").run(sly, PAYLOAD)

    assert webhook.received[0]["headers"]["Idempotency-Key"] == "1:call%0D%0AX-Admin:%20yes"
    assert "X-Admin" not in webhook.received[0]["headers"]


@pytest.mark.parametrize(
    ("behaviour", "answer"),
    [
        ("text", {"status": 200, "output": "done, captain"}),
        ("broken-json", {"status": 200, "output": '{"half": '}),
        ("empty", {"status": 204, "output": ""}),
        ("huge", {"status": 200, "output": "x" * MAX_OUTPUT_BYTES, "truncated": True}),
    ],
)
async def test_answer_that_is_not_json_comes_back_as_text(
    workflow_tool: MakeTool, call: Call, behaviour: str, answer: dict[str, object]
) -> None:
    assert await workflow_tool(behaviour).run(call, PAYLOAD) == answer


@pytest.mark.parametrize(
    ("behaviour", "error", "message", "hint"),
    [
        ("unpublished", UpstreamError, "is the workflow not published?", "N8N_WEBHOOK_URL"),
        ("refusing", UpstreamError, "refused our token", "N8N_WEBHOOK_TOKEN"),
        ("failing", UpstreamError, "answered 500", "may have run"),
        ("moved", UpstreamError, "answered 307", "N8N_WEBHOOK_URL"),
        ("dropped", UpstreamError, "broke off", "may have run"),
        ("cut", UpstreamError, "broke off", "may have run"),
        ("slow", TimedOutError, "within 0.3 s", "may have run"),
    ],
)
async def test_failure_says_what_happened_and_is_never_repeated(
    workflow_tool: MakeTool,
    webhook: Webhook,
    call: Call,
    *,
    behaviour: str,
    error: type[PilothouseError],
    message: str,
    hint: str,
) -> None:
    with pytest.raises(error) as failure:
        await workflow_tool(behaviour, deadline_s=0.3).run(call, PAYLOAD)

    assert message in failure.value.message
    assert hint in failure.value.hint
    assert [each["behaviour"] for each in webhook.received] == [behaviour]


async def test_n8n_that_is_down_is_said_to_be_down(call: Call) -> None:
    async with ClientSession() as session:
        url = f"http://127.0.0.1:{find_free()}/webhook/x"
        with pytest.raises(UnavailableError, match="cannot be reached"):
            await workflow_tools(session=session, url=url, token="")[0].run(call, PAYLOAD)


@pytest.mark.parametrize("payload", [{"x": math.nan}, {"x": "y" * 70_000}])
async def test_payload_that_cannot_be_sent_is_refused(
    workflow_tool: MakeTool, webhook: Webhook, call: Call, payload: dict[str, float | str]
) -> None:
    with pytest.raises(BadInputError, match="payload"):
        await workflow_tool("json").run(call, RunWorkflow.model_validate({"payload": payload}))

    assert webhook.received == []


async def test_without_a_webhook_there_is_no_tool() -> None:
    async with ClientSession() as session:
        assert workflow_tools(session=session, url="", token="") == []


def test_tool_is_declared_as_writing_and_tainting(workflow_tool: MakeTool) -> None:
    tool = workflow_tool("json")

    assert (tool.name, tool.risk, tool.taints) == ("n8n_run_workflow", "writes", True)
