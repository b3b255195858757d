"""Wished for, approved, filled, sold: then the agent knows what came of it, in the figures of the bot itself."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.fixtures.approvals import Person
from tests.fixtures.embedded import EmbeddedStack
from tests.fixtures.proofs_money import LIBERAL, MoneyStack, decide
from tests.fixtures.waiting import until

pytestmark = [pytest.mark.stack, pytest.mark.freqtrade, pytest.mark.timeout(400)]

PAIRS = ("LTC/USDT", "XRP/USDT", "SOL/USDT", "ETH/USDT", "BTC/USDT")
NEWEST = "SELECT id FROM broker.intents WHERE user_id = 'ada' ORDER BY place DESC LIMIT 1"
TOLD = """
    SELECT (SELECT max(seq) FROM broker.audit WHERE kind LIKE 'intent.%') <= place AS told
    FROM controller.trade_journal"""
PATIENCE_S = 90


@pytest.fixture
def money(embedded: EmbeddedStack) -> MoneyStack:
    """The stack, and what its owner can do."""
    return MoneyStack(embedded)


@pytest.fixture
async def ada(money: MoneyStack) -> AsyncIterator[httpx.AsyncClient]:
    """A user."""
    async with money.api("ada") as http:
        yield http


async def ask(http: httpx.AsyncClient, message: str) -> str:
    reply = await http.post("/api/chat", json={"message": message})
    assert reply.status_code == httpx.codes.OK, reply.text
    return reply.json()["answer"]


async def approved(money: MoneyStack, http: httpx.AsyncClient, person: Person, wish: str) -> dict[str, Any]:
    """The intent that a wish became, once it has ended."""
    await ask(http, wish)
    [newest] = money.rows(NEWEST)
    async with money.broker() as broker:
        shown = (await broker.get(f"/intents/{newest['id']}", params={"user_id": "ada"})).json()
        if shown["state"] == "awaiting_approval":
            await decide(broker, person, shown)
    return (await money.ended([newest["id"]]))[newest["id"]]


async def bought(money: MoneyStack, http: httpx.AsyncClient, person: Person) -> dict[str, Any]:
    """Another pair is taken where the strategy was quicker, or the price ran away from the order."""
    for pair in PAIRS:
        intent = await approved(money, http, person, f"Buy {pair} for 20 USDT")
        if intent["state"] == "filled":
            return intent
    raise AssertionError("nothing was bought")


async def known(http: httpx.AsyncClient, kind: str) -> list[dict[str, Any]]:
    return (await http.get("/api/memories", params={"kind": kind})).json()["memories"]


async def test_what_was_learned_about_a_pair_are_the_figures_of_the_bot_told_to_its_user_alone(
    money: MoneyStack, ada: httpx.AsyncClient
) -> None:
    await money.adopt(**LIBERAL)
    person = await money.pair("ada")
    intent = await bought(money, ada, person)
    trade_id, pair = intent["fill"]["trade_id"], intent["pair"]

    killed = money.kill("controller")
    await money.recovered("controller", killed=killed)
    await approved(money, ada, person, f"Sell trade {trade_id}")
    await until(lambda: money.ask_bot(f"trade/{trade_id}")["is_open"] is False, timeout_s=PATIENCE_S)
    await until(lambda: not money.rows("SELECT FROM controller.trades_bought"), timeout_s=PATIENCE_S)
    await until(lambda: money.rows(TOLD)[0]["told"], timeout_s=PATIENCE_S)
    answer = await ask(ada, f"What did we learn about {pair}?")

    trade = money.ask_bot(f"trade/{trade_id}")
    profit = Decimal(str(trade["close_profit_abs"]))
    [outcome] = await known(ada, "outcome")
    figures = {name: Decimal(value) for name, value in outcome["subject"]["figures"].items()}
    assert figures["profit_usdt"] == profit
    assert round(figures["profit_pct"], 4) == round(100 * Decimal(str(trade["close_profit"])), 4)
    assert figures["entry_price_usdt"] == Decimal(str(trade["open_rate"]))
    assert figures["exit_price_usdt"] == Decimal(str(trade["close_rate"]))
    assert f"intent:{intent['id']}" in outcome["subject"]["links"]
    assert "1 outcome by the broker's figures" in answer
    assert f"{profit:f} USDT in all" in answer
    assert f"trade:{trade_id}" in answer
    ids = [each["subject"]["links"][0] for each in await known(ada, "decision")]
    assert f"intent:{intent['id']}" in ids
    assert len(ids) == len(set(ids)) == len(money.rows("SELECT FROM broker.intents WHERE user_id = 'ada'"))
    async with money.api("bob") as bob:
        assert await known(bob, "outcome") == await known(bob, "decision") == []
        assert "I remember nothing about that." in await ask(bob, f"What did we learn about {pair}?")
