"""Proposals: the agent may ask for trades; the broker keeps its limits, and people approve. Nothing here can trade."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from pilothouse.errors import NotFoundError
from tools.broker_client import TradingClient
from tools.intents_client import Intent, IntentsClient
from tools.registry import Awaited, Call, Tool

Figure = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,15}(\.[0-9]{1,12})?$")]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
MAX_INTENTS = 50


class ProposeTradeArguments(BaseModel):
    """What `freqtrade_propose_trade` takes."""

    pair: str = Field(min_length=3, max_length=30, description="One of the bot's pairs, such as BTC/USDT")
    stake: Figure = Field(description="What to spend, in the stake currency, such as 50")
    reason: Words = Field(description="Why, for the person who decides")
    evidence: list[Words] = Field(default_factory=list[str], max_length=10, description="Figures it rests on")


class ProposeExitArguments(BaseModel):
    """What `freqtrade_propose_exit` takes."""

    trade_id: int = Field(ge=1, description="Of an open trade, as freqtrade_get_status lists them")
    amount: Figure | None = Field(default=None, description="How much, in the base currency; all if left out")
    reason: Words = Field(description="Why, for the person who decides")


class ListIntentsArguments(BaseModel):
    """What `freqtrade_list_intents` takes."""

    intent_id: UUID | None = Field(default=None, description="Only this one")
    limit: int = Field(default=10, ge=1, description=f"How many of the newest; at most {MAX_INTENTS} are given")


class NoArguments(BaseModel):
    """Takes nothing."""


def proposal_tools(broker: TradingClient) -> list[Tool]:
    """Propose, and look at what was proposed."""
    intents = IntentsClient(broker)
    return [
        _proposing(
            "freqtrade_propose_trade",
            "Propose to buy. The broker checks its limits and a person approves; this alone buys nothing.",
            ProposeTradeArguments,
            intents,
            lambda call, arguments: _propose_trade(broker, intents, call, arguments),
        ),
        _proposing(
            "freqtrade_propose_exit",
            "Propose to sell an open trade or a part of it. A person approves; this alone sells nothing.",
            ProposeExitArguments,
            intents,
            lambda call, arguments: _propose_exit(broker, intents, call, arguments),
        ),
        Tool(
            name="freqtrade_list_intents",
            description="List proposed trades and what became of them: refused, awaiting approval, filled, ...",
            arguments=ListIntentsArguments,
            run=lambda call, arguments: _list(intents, call, arguments),
            risk="reads",
        ),
        Tool(
            name="freqtrade_get_limits",
            description="The limits the broker keeps, and how much of them is used.",
            arguments=NoArguments,
            run=lambda _, __: _limits(intents),
            risk="reads",
        ),
    ]


def waits_for(result: Any) -> Awaited | None:
    """What a proposal's result still waits for."""
    intent = Intent.model_validate(result)
    if intent.is_over:
        return None
    return Awaited(intent.id, intent.summary, intent.expires_at.isoformat(timespec="seconds"))


def _proposing(
    name: str,
    description: str,
    arguments: type[BaseModel],
    intents: IntentsClient,
    propose: Callable[[Call, Any], Awaitable[Intent]],
) -> Tool:
    """A call made again after a crash would see another price: what it proposed the first time holds."""

    async def run(call: Call, given: Any) -> Any:
        known = await intents.with_key(call.key, user_id=call.user_id)
        return (known or await propose(call, given)).model_dump(mode="json")

    return Tool(name=name, description=description, arguments=arguments, run=run, risk="writes", awaits=waits_for)


async def _propose_trade(
    broker: TradingClient, intents: IntentsClient, call: Call, given: ProposeTradeArguments
) -> Intent:
    candles = await broker.candles(pair=given.pair, limit=1)
    asked = {"action": "enter", "pair": given.pair, "stake": given.stake, "price_seen": str(candles.candles[-1].close)}
    return await intents.propose({**_by(call), **asked, "reason": given.reason, "evidence": given.evidence})


async def _propose_exit(
    broker: TradingClient, intents: IntentsClient, call: Call, given: ProposeExitArguments
) -> Intent:
    trades = (await broker.status()).trades
    trade = next((each for each in trades if each.trade_id == given.trade_id), None)
    if trade is None:
        open_ones = ", ".join(f"{each.trade_id} ({each.pair})" for each in trades) or "none"
        raise NotFoundError(f"trade {given.trade_id} is not open", hint=f"open trades: {open_ones}")
    asked = {"action": "exit", "pair": trade.pair, "trade_id": trade.trade_id, "amount": given.amount}
    price = trade.current_rate or trade.open_rate
    return await intents.propose({**_by(call), **asked, "price_seen": price, "reason": given.reason})


async def _list(intents: IntentsClient, call: Call, given: ListIntentsArguments) -> Any:
    if given.intent_id is not None:
        found = [await intents.get(str(given.intent_id), user_id=call.user_id)]
    else:
        found = (await intents.newest(user_id=call.user_id, limit=min(given.limit, MAX_INTENTS))).intents
    return {"intents": [each.model_dump(mode="json") for each in found]}


async def _limits(intents: IntentsClient) -> Any:
    return (await intents.limits()).model_dump(mode="json")


def _by(call: Call) -> dict[str, Any]:
    """Who proposes: never what the model says of itself."""
    return {
        "key": call.key,
        "user_id": call.user_id,
        "thread_id": call.thread_id,
        "run_id": call.run_id,
        "tainted": call.tainted,
    }
