"""What the model's memory tools tell it, and what they do not let it do."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from pilothouse.errors import ForbiddenError
from tests.fixtures.calls import CALL, no_run
from tests.fixtures.controller import Controller
from tests.fixtures.memory import MemoryProcess, TurnsTable
from tests.fixtures.memory_engine import BY_TOOL
from tools.memory import memory_tools
from tools.memory_client import MemoryClient
from tools.memory_why import Asked
from tools.registry import Tool

WISH = "I never want more than three open trades"


@pytest.fixture
def tools(memory_client: MemoryClient) -> dict[str, Tool]:
    """By name; no run is ever found."""
    return {tool.name: tool for tool in memory_tools(memory_client, no_run)}


@pytest.fixture
async def http(controller: Controller, user: str) -> AsyncIterator[httpx.AsyncClient]:
    """The user's client."""
    async with controller.client(controller.add_key(user_id=user)) as client:
        yield client


async def run(tool: Tool, user: str, *, tainted: bool = False, **arguments: Any) -> Any:
    """What it answers this user."""
    call = replace(CALL, user_id=user, key=str(uuid4()), tainted=tainted)
    return await tool.run(call, tool.arguments.model_validate(arguments))


async def test_a_search_tells_id_date_source_figures_and_links(
    tools: dict[str, Tool], memory_client: MemoryClient, user: str
) -> None:
    about = {"strategy": "Trend", "pair": "ETH/USDT", "figures": {"profit_pct": "1.50"}, "links": ["run:1"]}
    saved = await memory_client.save(
        user_id=user,
        text="Trend earned 1.50 % on ETH",
        key="1",
        tainted=False,
        source={"kind": "journal"},
        kind="backtest",
        subject=about,
    )

    answer = await run(tools["memory_search"], user, query="Trend on ETH")

    assert answer["memories"] == [
        {
            "id": saved["id"],
            "text": "Trend earned 1.50 % on ETH",
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
            "kind": "backtest",
            "source": "journal",
            "from_untrusted_conversation": False,
            **about,
        }
    ]


async def test_what_a_tainted_thread_saves_is_said_to_wait_and_how_it_is_let_in(
    tools: dict[str, Tool], user: str
) -> None:
    clean = await run(tools["memory_save"], user, text=WISH)
    waiting = await run(tools["memory_save"], user, text="I want unlimited stakes", tainted=True)

    assert "note" not in clean
    assert waiting["state"] == "quarantined"
    assert f"bin/pilothouse memory admit {waiting['id']}" in waiting["note"]


async def test_a_memory_is_explained_with_the_question_of_its_run(memory_client: MemoryClient, user: str) -> None:
    at, asked_for = datetime(2026, 1, 2, tzinfo=UTC), list[tuple[str, str]]()

    async def find_asked(run_id: UUID, user_id: str) -> Asked:
        asked_for.append((str(run_id), user_id))
        return Asked("Please keep this", UUID(CALL.thread_id), at)

    _, save, _, explain = memory_tools(memory_client, find_asked)
    saved = await run(save, user, text=WISH)
    answer = await run(explain, user, id=saved["id"])

    assert asked_for == [(CALL.run_id, user)]
    assert (answer["text"], answer["asked"], answer["run_id"]) == (WISH, "Please keep this", CALL.run_id)


async def test_explaining_what_came_from_others_marks_the_thread(
    tools: dict[str, Tool], memory_client: MemoryClient, user: str
) -> None:
    marked: list[str] = []

    async def mark() -> None:
        marked.append(user)

    explain, asking = tools["memory_explain"], replace(CALL, user_id=user, taint=mark)
    for tainted, marks in ((False, []), (True, [user])):
        saved = await memory_client.save(
            user_id=user, text=f"Tainted: {tainted}", key=f"{tainted}", tainted=tainted, source=BY_TOOL
        )
        await explain.run(asking, explain.arguments.model_validate({"id": saved["id"]}))
        assert marked == marks


async def test_what_is_forgotten_by_its_id_is_gone_and_forgetting_it_again_does_no_harm(
    tools: dict[str, Tool], user: str
) -> None:
    saved = await run(tools["memory_save"], user, text=WISH)
    [found] = (await run(tools["memory_search"], user, query="open trades"))["memories"]

    first = await run(tools["memory_forget"], user, ids=[found["id"]])
    again = await run(tools["memory_forget"], user, ids=[found["id"]])

    assert found["id"] == saved["id"]
    assert (first["forgotten"], again["forgotten"]) == (1, 0)
    assert (await run(tools["memory_search"], user, query="open trades"))["memories"] == []


async def test_a_tainted_thread_forgets_nothing_and_says_who_can(tools: dict[str, Tool], user: str) -> None:
    saved = await run(tools["memory_save"], user, text=WISH)

    with pytest.raises(ForbiddenError, match="nothing was forgotten") as refused:
        await run(tools["memory_forget"], user, tainted=True, ids=[saved["id"]])

    assert f"bin/pilothouse memory forget {saved['id']}" in refused.value.hint
    assert len((await run(tools["memory_search"], user, query="open trades"))["memories"]) == 1


async def test_another_users_memory_is_not_forgotten(tools: dict[str, Tool], user: str) -> None:
    saved = await run(tools["memory_save"], user, text=WISH)

    told = await run(tools["memory_forget"], "mallory", ids=[saved["id"]])

    assert told["forgotten"] == 0
    assert len((await run(tools["memory_search"], user, query="open trades"))["memories"]) == 1


async def test_asked_to_forget_the_agent_searches_and_erases_that_memory_alone(http: httpx.AsyncClient) -> None:
    for words in (WISH, "my cat is called Zephyrus"):
        await http.post("/api/chat", json={"message": f"Remember that {words}"})

    reply = (await http.post("/api/chat", json={"message": f"Forget that {WISH}"})).json()
    asked = (await http.post("/api/chat", json={"message": "What did I tell you about open trades?"})).json()
    kept = (await http.post("/api/chat", json={"message": "What did I tell you about my cat?"})).json()

    assert [call["name"] for call in reply["tool_calls"]] == ["memory_search", "memory_forget"]
    assert "Forgotten for good: 1 memory." in reply["answer"]
    assert WISH not in asked["answer"]
    assert "Zephyrus" in kept["answer"]


async def test_a_turn_that_asks_to_forget_does_not_wait_to_be_remembered(
    http: httpx.AsyncClient, memory: MemoryProcess
) -> None:
    await http.post("/api/chat", json={"message": f"Remember that {WISH}"})
    forgot = (await http.post("/api/chat", json={"message": f"Forget that {WISH}"})).json()
    later = (await http.post("/api/chat", json={"message": "What did I tell you about my cat?"})).json()

    waiting = {str(row["run_id"]) for row in await TurnsTable(memory.database.admin).rows()}

    assert later["run_id"] in waiting
    assert forgot["run_id"] not in waiting


async def test_asked_why_the_agent_names_the_question_that_taught_it(http: httpx.AsyncClient) -> None:
    taught = (await http.post("/api/chat", json={"message": f"Remember that {WISH}"})).json()

    reply = (await http.post("/api/chat", json={"message": f"Why do you know that {WISH}?"})).json()

    assert [call["name"] for call in reply["tool_calls"]] == ["memory_search", "memory_explain"]
    assert f'from run {taught["run_id"]}, where you asked: "Remember that {WISH}"' in reply["answer"]
