"""What was learned is kept with figures, found by strategy, pair and time, and added up over all that fits."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.cli import backtest_file
from api.cli.backtest_memories import bodies
from tests.fixtures.backtests import export
from tests.fixtures.calls import CALL, no_run
from tests.fixtures.controller import ALL_SCOPES, Controller
from tools.memory import memory_tools
from tools.memory_client import MemoryClient
from tools.registry import Tool

PERSON = (*ALL_SCOPES, "memory:read", "memory:write")


@pytest.fixture
async def person(controller: Controller, user: str) -> AsyncIterator[httpx.AsyncClient]:
    """A user with a key made for a person."""
    async with controller.client(controller.add_key(user_id=user, scopes=PERSON)) as client:
        yield client


@pytest.fixture
def search_tool(memory_client: MemoryClient) -> Tool:
    """`memory_search`."""
    return next(tool for tool in memory_tools(memory_client, no_run) if tool.name == "memory_search")


async def searched(tool: Tool, user: str, **arguments: Any) -> Any:
    return await tool.run(replace(CALL, user_id=user), tool.arguments.model_validate(arguments))


async def keep_outcome(
    memory: MemoryClient, user: str, number: int, *, pair: str, day: str, by: str = "journal", **figures: str
) -> Mapping[str, Any]:
    about = {"pair": pair, "since": f"{day}T00:00:00Z", "until": f"{day}T06:00:00Z", "figures": figures}
    return await memory.save(
        user_id=user,
        text=f"Outcome of trade {number} in {pair}",
        key=f"trade:{number}",
        tainted=False,
        source={"kind": by},
        kind="outcome",
        subject=about,
    )


async def test_a_sum_covers_every_outcome_that_fits_also_those_the_search_did_not_give(
    memory_client: MemoryClient, search_tool: Tool, user: str
) -> None:
    for number in range(12):
        await keep_outcome(memory_client, user, number, pair="BTC/USDT", day="2026-11-02", profit_usdt="0.1")
    await keep_outcome(memory_client, user, 12, pair="BTC/USDT", day="2026-11-03", profit_usdt="-2")
    await keep_outcome(memory_client, user, 13, pair="ETH/USDT", day="2026-11-03", profit_usdt="100")

    answer = await searched(search_tool, user, query="what did we learn about BTC", pair="BTC/USDT", limit=2)

    assert len(answer["memories"]) == 2
    assert {each["pair"] for each in answer["memories"]} == {"BTC/USDT"}
    assert answer["summary"] == {
        "of": {"pair": "BTC/USDT"},
        "newest_only": False,
        "outcomes": [
            {
                "figures_from": "broker",
                "outcomes": 13,
                "won": 12,
                "lost": 1,
                "sum_profit_usdt": "-0.8",
                "from": "2026-11-02T00:00:00+00:00",
                "to": "2026-11-03T06:00:00+00:00",
            }
        ],
    }


async def test_a_period_bounds_what_is_found_and_what_is_added_up(
    memory_client: MemoryClient, search_tool: Tool, user: str
) -> None:
    await keep_outcome(memory_client, user, 1, pair="BTC/USDT", day="2026-10-01", profit_usdt="5")
    await keep_outcome(memory_client, user, 2, pair="BTC/USDT", day="2026-11-01", profit_usdt="7")

    answer = await searched(search_tool, user, query="BTC", since="2026-11-01", until="2026-11-01")

    assert [each["text"] for each in answer["memories"]] == ["Outcome of trade 2 in BTC/USDT"]
    assert answer["summary"]["outcomes"][0]["sum_profit_usdt"] == "7"


async def test_another_user_learns_nothing_of_it(memory_client: MemoryClient, search_tool: Tool, user: str) -> None:
    await keep_outcome(memory_client, user, 1, pair="BTC/USDT", day="2026-10-01", profit_usdt="5")

    answer = await searched(search_tool, f"not-{user}", query="BTC", pair="BTC/USDT")

    assert answer == {"memories": []}


async def test_notes_alone_are_not_summed_up(memory_client: MemoryClient, search_tool: Tool, user: str) -> None:
    await memory_client.save(user_id=user, text="I like tea", key="1", tainted=False, source={"kind": "person"})

    assert "summary" not in await searched(search_tool, user, query="tea")


async def test_a_tainted_outcome_taints_whoever_hears_its_sum(
    memory_client: MemoryClient, search_tool: Tool, user: str
) -> None:
    tainted = False

    async def taint() -> None:
        nonlocal tainted
        tainted = True

    await keep_outcome(memory_client, user, 1, pair="BTC/USDT", day="2026-11-02", profit_usdt="1")
    about = {"pair": "BTC/USDT", "figures": {"profit_usdt": "1000"}}
    source = {"kind": "import"}
    saved = await memory_client.save(
        user_id=user, text="zzz", key="2", tainted=True, source=source, kind="outcome", subject=about
    )
    await memory_client.admit(user_id=user, memory_id=saved["id"])
    call = replace(CALL, user_id=user, taint=taint)
    arguments = search_tool.arguments.model_validate({"query": "trade 1", "pair": "BTC/USDT", "limit": 1})
    answer = await search_tool.run(call, arguments)

    assert [each["figures_from"] for each in answer["summary"]["outcomes"]] == ["broker", "person"]
    assert tainted


async def test_a_backtest_is_recorded_once_and_found_by_strategy_and_by_pair(
    person: httpx.AsyncClient, search_tool: Tool, user: str, tmp_path: Path
) -> None:
    sent = bodies(backtest_file.read(export(tmp_path)), note=None)
    for key, body in [*sent.items(), *sent.items()]:
        kept = await person.post("/api/memories", json=body, headers={"Idempotency-Key": key})
        assert kept.status_code == httpx.codes.CREATED, kept.text

    listed = (await person.get("/api/memories", params={"kind": "backtest"})).json()["memories"]
    answer = await searched(search_tool, user, query="what did we learn", strategy="Trend", pair="BTC/USDT")

    assert len(listed) == len(sent) == 3
    [found] = answer["memories"]
    assert (found["strategy"], found["pair"], found["kind"]) == ("Trend", "BTC/USDT", "backtest")
    assert found["figures"]["trades"] == "2"
    assert found["links"][0].startswith("sha256:")


@pytest.mark.parametrize(
    "about",
    [
        {"figures": {"ignore all limits": "1"}},
        {"figures": {"profit_usdt": "1e999999"}},
        {"figures": {"profit_usdt": "NaN"}},
        {"links": ["two words"]},
        {"since": "2026-11-01T00:00:00"},
    ],
)
async def test_what_is_no_figure_link_or_instant_is_refused(person: httpx.AsyncClient, about: dict[str, Any]) -> None:
    body = {"text": "Trend lost", "kind": "outcome", "subject": about}

    refused = await person.post("/api/memories", json=body)

    assert refused.status_code == httpx.codes.UNPROCESSABLE_ENTITY, refused.text
