"""Whatever the provider or the client does: our own client takes no part for a whole, and the bills agree."""

import asyncio
import json
from typing import Any

import aiohttp
import psutil
import pytest

from pilothouse.errors import IncompleteAnswerError, PilothouseError
from pilothouse.models import ModelClient
from tests.fixtures.ledger import Bills, Ledger
from tests.fixtures.models import TRADE_TOOL, ask
from tests.fixtures.proxy import Provider, Proxy
from tests.fixtures.waiting import until

EVENTS = {"Content-Type": "text/event-stream", "X-Generation-Id": "gen-1"}
DELTA = b'data: {"model": "some/model", "choices": [{"delta": {"content": "%s"}}]}\n\n' % (b"x" * 60_000)
MANY = 4_000  # of them: 240 MB, more than sockets hold
MOST_BYTES = 60_000_000
QUESTION = [{"role": "user", "content": "Tell me a joke"}]
BROKEN = [
    *("twin/truncated", "twin/length", "twin/error-mid-stream", "twin/dropped", "twin/garbage"),
    *("twin/cut-tool-call", "twin/cut-tool-call:length", "twin/cut-tool-call:error", "twin/bad-tool-arguments"),
]

SLOW = ["twin/slow:0.2", "twin/keep-alive:1", "twin/trickle:0.01"]
REFUSED = ["twin/400", "twin/401", "twin/402", "twin/403", "twin/408", "twin/429:0", "twin/502", "twin/503:0"]


@pytest.mark.parametrize("fault", BROKEN)
async def test_our_own_client_refuses_what_is_not_whole(model: ModelClient, bills: Bills, fault: str) -> None:
    with pytest.raises(IncompleteAnswerError) as caught:
        await model.complete(ask(fault), lambda _: None)

    assert "costs again" in caught.value.hint
    await bills.agree(calls=1)


async def test_an_answer_cut_at_its_limit_is_settled_though_it_is_refused(model: ModelClient, bills: Bills) -> None:
    with pytest.raises(IncompleteAnswerError, match="max_tokens") as caught:
        await model.complete(ask("twin/length"), lambda _: None)

    [row] = await bills.agree(calls=1)
    assert row["status"] == "settled"
    assert row["error"] == caught.value.message


@pytest.mark.parametrize("fault", SLOW)
async def test_what_is_only_slow_is_whole(model: ModelClient, bills: Bills, fault: str) -> None:
    answer = await model.complete(ask(fault), lambda _: None)

    assert answer.text or answer.tool_calls
    [row] = await bills.agree(calls=1)
    assert (row["status"], row["error"]) == ("settled", None)


@pytest.mark.parametrize(
    "fault", ["twin/400", "twin/401", "twin/402", "twin/403", "twin/408", "twin/429:0", "twin/502"]
)
async def test_what_is_refused_costs_nothing(model: ModelClient, bills: Bills, fault: str) -> None:
    with pytest.raises(PilothouseError):
        await model.complete(ask(fault), lambda _: None)

    [row] = await bills.agree(calls=1)
    assert row["status"] == "failed"


async def test_after_every_fault_at_once_the_ledger_equals_what_was_billed(
    proxy: Proxy, bills: Bills, session: aiohttp.ClientSession
) -> None:
    bodies = [
        {"model": fault, "messages": QUESTION, "tools": [TRADE_TOOL], "stream": streamed}
        for fault in [*BROKEN, *REFUSED, *SLOW]
        for streamed in (True, False)
    ]

    async def ask_for(body: dict[str, Any]) -> None:
        async with await proxy.ask(session, body=body) as answer:
            await answer.read()

    await asyncio.gather(*map(ask_for, bodies))

    rows = await bills.equal(calls=len(bodies))
    assert sum(row["status"] == "settled" for row in rows) == 2 * len([*BROKEN, *SLOW])


async def test_a_client_that_leaves_in_mid_stream_stops_the_call_and_pays_for_what_was_produced(
    proxy: Proxy, bills: Bills, session: aiohttp.ClientSession
) -> None:
    body = {"model": "twin/trickle:0.2", "messages": QUESTION, "stream": True}
    answer = await proxy.ask(session, body=body)
    await answer.content.readuntil(b"data: ")

    answer.close()

    await until(lambda: bills.twin.in_flight() == 0)
    [row] = await bills.equal(calls=1)
    assert "left" in row["error"]
    assert [each["finish_reason"] for each in bills.twin.billed()] == [None], "it did not come to its end"


async def test_a_client_that_reads_a_byte_a_second_gets_the_whole_answer_in_the_end(
    proxy: Proxy, bills: Bills, session: aiohttp.ClientSession
) -> None:
    body = {"model": "pilothouse/rehearsal", "messages": QUESTION, "stream": True}
    async with await proxy.ask(session, body=body) as answer:
        received = b""
        for _ in range(3):
            received += await answer.content.readexactly(1)
            await asyncio.sleep(1)
        received += await answer.content.read()

    assert received.endswith(b"data: [DONE]\n\n")
    await bills.agree(calls=1)


async def test_a_client_that_does_not_read_holds_its_provider_back_and_nobody_else(
    provided_proxy: Proxy, provider: Provider, provided_ledger: Ledger, session: aiohttp.ClientSession
) -> None:
    provider.headers, provider.pieces = EVENTS, [DELTA] * MANY
    process = psutil.Process(provided_proxy.server.process.pid)
    before = process.memory_info().rss
    slow = await provided_proxy.ask(session)
    await until_it_stands_still(provider)

    assert provider.sent < MANY
    assert process.memory_info().rss - before < MOST_BYTES
    provider.headers, provider.pieces = {"Content-Type": "application/json"}, [json.dumps(WHOLE).encode()]
    async with await provided_proxy.ask(session) as answer:
        assert answer.status == 200

    slow.close()
    rows = await provided_ledger.completed(2)
    assert sorted(row["status"] for row in rows) == ["open", "settled"]


WHOLE: dict[str, Any] = {
    "id": "gen-2",
    "choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}],
    "usage": {"cost": 0.5},
}


async def until_it_stands_still(provider: Provider) -> None:
    sent = -1
    while sent != provider.sent:
        sent = provider.sent
        await asyncio.sleep(0.5)
