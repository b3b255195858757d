"""The tools that propose trades, against the real broker and its real bot."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from pilothouse.errors import NotFoundError
from tests.fixtures.calls import CALL
from tools.proposals import proposal_tools
from tools.registry import Call
from tools.trading import TradingClient

pytestmark = pytest.mark.freqtrade


async def use(trading: TradingClient, name: str, call: Call = CALL, **arguments: Any) -> Any:
    """What a tool answers."""
    tool = next(each for each in proposal_tools(trading) if each.name == name)
    return await tool.run(call, tool.arguments.model_validate(arguments))


def fresh() -> Call:
    """A call with a key of its own."""
    return replace(CALL, key=f"{uuid4()}:think.0.0")


async def test_a_proposal_waits_and_is_the_same_when_its_call_is_repeated(trading: TradingClient) -> None:
    call = fresh()
    asked = {"pair": "LTC/USDT", "stake": "11", "reason": "to see"}

    first = await use(trading, "freqtrade_propose_trade", call, **asked, evidence=["it fell"])
    again = await use(trading, "freqtrade_propose_trade", call, **asked, evidence=["it fell"])
    listed = await use(trading, "freqtrade_list_intents", call, intent_id=first["id"])

    assert first["state"] in ("awaiting_approval", "refused")  # the bot's own strategy may have been quicker
    assert first["stake"] == "11"
    assert "reason" not in first  # free text of a model does not come back as a figure of the broker
    assert again["id"] == listed["intents"][0]["id"] == first["id"]


async def test_a_stake_over_the_limit_is_refused_with_the_reason(trading: TradingClient) -> None:
    refused = await use(
        trading, "freqtrade_propose_trade", fresh(), pair="LTC/USDT", stake="100000", reason="all of it"
    )

    assert refused["state"] == "refused"
    assert "max_stake" in {each["code"] for each in refused["refusals"]}


async def test_a_trade_that_is_not_open_cannot_be_left(trading: TradingClient) -> None:
    with pytest.raises(NotFoundError, match="trade 999999 is not open"):
        await use(trading, "freqtrade_propose_exit", fresh(), trade_id=999_999, reason="out")


async def test_other_peoples_intents_do_not_exist(trading: TradingClient) -> None:
    mine = await use(trading, "freqtrade_propose_trade", fresh(), pair="LTC/USDT", stake="12", reason="to see")
    stranger = replace(fresh(), user_id="mallory")

    with pytest.raises(NotFoundError):
        await use(trading, "freqtrade_list_intents", stranger, intent_id=mine["id"])
    assert (await use(trading, "freqtrade_list_intents", stranger))["intents"] == []


async def test_the_limits_are_shown_with_how_much_of_them_is_used(trading: TradingClient) -> None:
    limits = await use(trading, "freqtrade_get_limits")

    assert limits["policy"]["max_stake"] == "100"
    assert limits["used"]["open_trades"] >= 1
    assert float(limits["used"]["exposure"]) > 0
    assert limits["used"]["halted"] == ""
