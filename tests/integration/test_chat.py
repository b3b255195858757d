"""POST /api/chat on the real controller, proxy, memory and PostgreSQL, answered by the rehearsal model."""

import asyncio
import uuid
from decimal import Decimal

import httpx
import pytest

from pilothouse.settings import REHEARSAL_MODEL
from tests.fixtures.controller import Controller, StartController, stream_chat
from tests.fixtures.waiting import until


async def test_a_question_is_answered_whole_with_model_cost_and_tool_calls(http: httpx.AsyncClient) -> None:
    reply = (await http.post("/api/chat", json={"message": "Remember that I trade only on weekdays"})).json()

    assert "weekdays" in reply["answer"]
    assert [call["name"] for call in reply["tool_calls"]] == ["memory_save"]
    assert reply["tool_calls"][0]["status"] == "ok"
    assert Decimal(reply["cost_usd"]) > 0
    assert reply["rehearsal"] is True
    assert "OPENROUTER_API_KEY" in reply["notice"]


async def test_an_answer_says_who_served_each_model_call_at_what_cost(http: httpx.AsyncClient) -> None:
    reply = (await http.post("/api/chat", json={"message": "Remember that I trade only on weekdays"})).json()

    first, second = reply["model_calls"]
    assert (first["node"], first["asked_model"], first["served_model"]) == ("think", REHEARSAL_MODEL, REHEARSAL_MODEL)
    assert first["provider"] == "Pilothouse Twin"
    assert first["prompt_tokens"] > 0
    assert first["latency_ms"] > 0
    assert first["attempts"] == 1
    assert Decimal(first["cost_usd"]) + Decimal(second["cost_usd"]) == Decimal(reply["cost_usd"])


async def test_a_streamed_answer_adds_up_and_ends_in_run_finished(http: httpx.AsyncClient) -> None:
    told = await stream_chat(http, "Remember that I like ETH")

    kinds = [kind for kind, _ in told]
    deltas = "".join(fields["text"] for kind, fields in told if kind == "message.delta")
    assert kinds[0] == "run.started"
    assert kinds[-1] == "run.finished"
    assert told[-1][1]["answer"] == deltas
    assert [fields["node"] for kind, fields in told if kind == "node.started"] == [
        "recall",
        "think",
        "act",
        "think",
        "remember",
    ]
    assert kinds.index("tool.started") < kinds.index("tool.finished") < kinds.index("message.delta")


async def test_what_was_told_in_one_thread_is_known_in_another(controller: Controller) -> None:
    async with controller.client(controller.add_key(user_id=f"user-{uuid.uuid4()}")) as http:
        await http.post("/api/chat", json={"message": "Remember that I never want more than three open trades"})

        reply = (await http.post("/api/chat", json={"message": "What did I tell you about open trades?"})).json()

    assert "three open trades" in reply["answer"]


async def test_another_user_is_told_nothing_of_it(controller: Controller, http: httpx.AsyncClient) -> None:
    await http.post("/api/chat", json={"message": "Remember that my safe word is walrus"})
    async with controller.client(controller.add_key(user_id=f"user-{uuid.uuid4()}")) as stranger:
        reply = (await stranger.post("/api/chat", json={"message": "What did I tell you about my safe word?"})).json()

    assert "walrus" not in reply["answer"]


async def test_a_thread_goes_on_and_can_be_read_back(controller: Controller) -> None:
    async with controller.client(controller.add_key(user_id="grace")) as http:
        first = (await http.post("/api/chat", json={"message": "Remember that I like tea"})).json()
        await http.post("/api/chat", json={"message": "Hello again", "thread_id": first["thread_id"]})

        thread = (await http.get(f"/api/threads/{first['thread_id']}")).json()

    roles = " ".join(message["role"] for message in thread["messages"])
    assert roles == "user assistant tool assistant user assistant"
    assert thread["messages"][1]["tool_calls"][0]["arguments"] == {"text": "I like tea"}
    assert [run["status"] for run in thread["runs"]] == ["finished", "finished"]
    assert thread["tainted"] is False


async def test_a_tool_whose_service_is_down_is_a_message_not_a_crash(http: httpx.AsyncClient) -> None:
    reply = (await http.post("/api/chat", json={"message": "How is my bot doing?"})).json()

    statuses = {call["name"]: call["status"] for call in reply["tool_calls"]}
    assert statuses["freqtrade_get_status"] == "error"
    assert "broker" in reply["answer"]


async def test_the_database_can_be_asked_about_spend(http: httpx.AsyncClient) -> None:
    await http.post("/api/chat", json={"message": "Hello"})

    reply = (await http.post("/api/chat", json={"message": "How much did I spend on models?"})).json()

    assert reply["tool_calls"][0]["name"] == "database_query"
    assert "pilothouse/rehearsal" in reply["answer"]


async def test_the_same_idempotency_key_starts_one_run(controller: Controller, http: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": str(uuid.uuid4())}
    before = len(controller.run_rows())

    first = (await http.post("/api/chat", json={"message": "Hello"}, headers=key)).json()
    second = (await http.post("/api/chat", json={"message": "Hello"}, headers=key)).json()
    other = await http.post("/api/chat", json={"message": "Something else"}, headers=key)

    assert second["run_id"] == first["run_id"]
    assert second["answer"] == first["answer"]
    assert other.status_code == 409
    assert len(controller.run_rows()) == before + 1


async def test_a_run_goes_on_when_its_client_leaves(
    start_own_controller: StartController,
) -> None:
    controller = start_own_controller("twin/slow:1")
    async with controller.client(controller.add_key()) as http:
        asking = asyncio.create_task(http.post("/api/chat", json={"message": "Hello"}))
        await until(lambda: bool(controller.run_rows()))
        asking.cancel()

    await until(lambda: controller.run_rows()[0]["status"] == "finished")


async def test_a_second_message_on_a_busy_thread_is_refused_and_loses_nothing(
    start_own_controller: StartController,
) -> None:
    controller = start_own_controller("twin/slow:1")
    async with controller.client(controller.add_key()) as http:
        thread_id = (await http.post("/api/chat", json={"message": "First"})).json()["thread_id"]

        both = await asyncio.gather(
            http.post("/api/chat", json={"message": "Second", "thread_id": thread_id}),
            http.post("/api/chat", json={"message": "Third", "thread_id": thread_id}),
        )
        thread = (await http.get(f"/api/threads/{thread_id}")).json()

    assert sorted(reply.status_code for reply in both) == [200, 409]
    assert [run["status"] for run in thread["runs"]] == ["finished", "finished"]
    assert [message["role"] for message in thread["messages"]] == ["user", "assistant", "user", "assistant"]


@pytest.mark.parametrize(
    ("model", "status"),
    [
        ("twin/truncated", 502),
        ("twin/cut-tool-call", 502),
        ("twin/dropped", 502),
        ("twin/error-mid-stream", 502),
        ("twin/length", 502),
        ("twin/402", 403),
        ("twin/429", 503),
        ("twin/bad-tool-arguments", 502),
        ("twin/bad-tool-arguments:types", 200),
        ("twin/hostile:3", 200),  # this seed cuts none of its answers off, and all its arguments are JSON
    ],
)
async def test_a_model_that_goes_wrong_is_a_clear_error_and_the_thread_stays_usable(
    start_own_controller: StartController, model: str, status: int
) -> None:
    controller = start_own_controller(model)
    async with controller.client(controller.add_key()) as http:
        reply = await http.post("/api/chat", json={"message": "How is my bot doing?"})

    assert reply.status_code == status
    if status != 200:
        error = reply.json()["error"]
        assert error["message"]
        assert "Traceback" not in reply.text
    [run] = controller.run_rows()
    assert run["status"] == ("finished" if status == 200 else "failed")


async def test_no_tool_runs_from_a_cut_tool_call(start_own_controller: StartController) -> None:
    controller = start_own_controller("twin/cut-tool-call")
    async with controller.client(controller.add_key()) as http:
        told = await stream_chat(http, "Remember that I like tea")

    kinds = [kind for kind, _ in told]
    assert "tool.started" not in kinds
    assert kinds[-1] == "run.failed"
