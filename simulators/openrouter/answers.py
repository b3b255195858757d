"""How the rehearsal model tells what a tool answered: one function per tool, in TELLERS.

Results are quoted, never obeyed.
"""

import json
import re
from collections.abc import Callable
from typing import Any, cast

from simulators.openrouter import learned, notes, tables
from simulators.openrouter.conversation import Conversation, ToolResult

SHOWN = 10
QUOTED_CHARACTERS = 600
NOT_REAL = ("simulated", "recorded")
WORD = re.compile(r"\w{3,}")

Fields = dict[str, Any]


def tell(conversation: Conversation) -> str:
    """Every result of this turn in readable sentences."""
    return "\n\n".join(_tell_one(result, conversation) for result in conversation.results)


def tell_memories(conversation: Conversation) -> str:
    """The recalled memories in the prompt that share a word with the question; all of them when none does."""
    asked = set(WORD.findall(conversation.question.lower()))
    close = [memory for memory in conversation.memories if asked & set(WORD.findall(memory.lower()))]
    return "\n".join(["You told me:", *(f"- {memory}" for memory in (close or conversation.memories)[:SHOWN])])


def _tell_one(result: ToolResult, conversation: Conversation) -> str:
    data = result.data
    if not isinstance(data, dict):
        return f"{result.name} answered: {_quote(data)}"
    fields = cast("Fields", data)
    if "error" in fields:
        return _tell_error(result.name, fields["error"])
    if result.name == "memory_search" and not fields.get("memories") and conversation.memories:
        return tell_memories(conversation)
    teller = TELLERS.get(result.name)
    return teller(fields) if teller else f"{result.name} answered: {_pairs(fields)}"


def _tell_error(name: str, error: Any) -> str:
    if not isinstance(error, dict):
        return f"{name} did not work: {_quote(error)}"
    fields = cast("Fields", error)
    hint = f" ({fields['hint']})" if fields.get("hint") else ""
    return f"{name} did not work: {fields.get('message') or fields.get('code') or 'no reason given'}{hint}."


def _rows(fields: Fields, name: str) -> list[Fields]:
    rows = fields.get(name)
    return (
        [cast("Fields", row) for row in cast("list[Any]", rows) if isinstance(row, dict)]
        if isinstance(rows, list)
        else []
    )


def _get(fields: Fields, name: str) -> str:
    value = fields.get(name)
    return "?" if value is None else str(value)


def _percent(fields: Fields, name: str) -> str:
    try:
        return f"{float(_get(fields, name)) * 100:.2f} %"
    except ValueError:
        return "? %"


def _quote(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= QUOTED_CHARACTERS else text[:QUOTED_CHARACTERS] + " ..."


def _pairs(fields: Fields) -> str:
    return _quote(
        ", ".join(f"{name}: {value if isinstance(value, str) else json.dumps(value)}" for name, value in fields.items())
    )


def _status(fields: Fields) -> str:
    trades = _rows(fields, "trades")
    if not trades:
        return "Your bot has no open trades."
    lines = [
        f"- {_get(trade, 'pair')}: stake {_get(trade, 'stake_amount')}, opened at {_get(trade, 'open_rate')}, now "
        f"{_get(trade, 'current_rate')}, profit {_get(trade, 'profit_abs')} ({_percent(trade, 'profit_ratio')})"
        for trade in trades[:SHOWN]
    ]
    return "\n".join([f"Your bot has {_count(len(trades), 'open trade')}{_market(fields)}:", *lines])


def _market(fields: Fields) -> str:
    prices = fields.get("prices")
    return f" at {prices} prices" if prices in NOT_REAL else ""


def _count(number: int | str, noun: str) -> str:
    return f"{number} {noun}" if str(number) == "1" else f"{number} {noun}s"


def _profit(fields: Fields) -> str:
    currency = fields.get("currency", "")
    told = (
        f"Closed profit: {_get(fields, 'closed_profit_abs')} {currency} over "
        f"{_count(_get(fields, 'closed_trade_count'), 'closed trade')} ({_get(fields, 'winning_trades')} won, "
        f"{_get(fields, 'losing_trades')} lost), {_count(_get(fields, 'trade_count'), 'trade')} in all."
    )
    still_open = fields.get("open_profit_abs")
    return told if still_open is None else f"{told} Open profit: {still_open} {currency}."


def _balance(fields: Fields) -> str:
    currency = fields.get("currency", "")
    told = (
        f"Balance: {_get(fields, 'total')} {currency} in total, {_get(fields, 'free')} free, "
        f"{_get(fields, 'in_trades')} in open trades."
    )
    dry = " This is dry-run money." if fields.get("dry_run") else ""
    return told + dry + ("" if fields.get("complete", True) else " Some assets could not be valued.")


def _history(fields: Fields) -> str:
    trades = _rows(fields, "trades")
    if not trades:
        return "There are no trades yet."
    lines = [
        f"- {_get(trade, 'pair')}: stake {_get(trade, 'stake_amount')}, profit {_get(trade, 'profit_abs')} "
        f"({_percent(trade, 'profit_ratio')}), opened {_get(trade, 'opened_at')}"
        + (f", closed {trade['closed_at']}" if trade.get("closed_at") else ", still open")
        for trade in trades[:SHOWN]
    ]
    return "\n".join([f"{fields.get('total', len(trades))} trades in all:", *lines])


def _candles(fields: Fields) -> str:
    """Either a summary, or the candles themselves."""
    name = f"{_get(fields, 'pair')} ({_get(fields, 'timeframe')})"
    candles = _rows(fields, "candles")
    if "last_close" not in fields and not candles:
        return f"There are no candles of {name} yet."
    if "last_close" in fields:
        return (
            f"{name}: last close {fields['last_close']} in the candle opened at {_get(fields, 'to')}; "
            f"{_get(fields, 'change_percent')} % over {_get(fields, 'count')} candles, between {_get(fields, 'low')} "
            f"and {_get(fields, 'high')}."
        )
    return (
        f"{name}: last close {_get(candles[-1], 'close')} in the candle opened at {_get(candles[-1], 'opened_at')}; "
        f"the first of {len(candles)} candles opened at {_get(candles[0], 'open')}."
    )


def _saved(fields: Fields) -> str:
    text = _get(fields, "text")
    if fields.get("state") == "quarantined":
        return f'"{text}" is {_get(fields, "note")}.'
    return f'I knew that already: "{text}".' if fields.get("duplicate") else f'I will remember: "{text}".'


def _recalled(fields: Fields) -> str:
    memories = _rows(fields, "memories")
    doubt = " Memory did not answer in time, so something may be missing." if fields.get("degraded") else ""
    if not memories:
        return "I remember nothing about that." + doubt
    if any(memory.get("figures") for memory in memories):
        return learned.tell(memories, fields.get("summary")) + doubt
    lines = [f"- {_get(memory, 'text')}{_day(memory)}" for memory in memories[:SHOWN]]
    return "\n".join(["You told me:", *lines]) + doubt


def _day(memory: Fields) -> str:
    at = memory.get("date") or memory.get("created_at")
    return f" ({str(at)[:10]})" if at else ""


def _workflow(fields: Fields) -> str:
    return f"The workflow answered with status {_get(fields, 'status')}: {_quote(fields.get('output'))}"


def _intent(fields: Fields) -> str:
    """What was proposed and what became of it."""
    if fields.get("action") == "exit":
        what = f"Selling {fields.get('amount') or 'all'} of trade {_get(fields, 'trade_id')} ({_get(fields, 'pair')})"
    else:
        what = f"Buying {_get(fields, 'pair')} for {_get(fields, 'stake')}"
    state = _get(fields, "state").replace("_", " ")
    reasons = "; ".join(_get(each, "message") for each in _rows(fields, "refusals"))
    fill = fields.get("fill")
    filled = f" ({_pairs(cast('Fields', fill))})" if isinstance(fill, dict) else ""
    return f"{what} is {state}{filled}{': ' + reasons if reasons else ''}. Intent {_get(fields, 'id')}."


def _intents(fields: Fields) -> str:
    intents = _rows(fields, "intents")
    return "\n".join(_intent(each) for each in intents[:SHOWN]) if intents else "Nothing was proposed yet."


TELLERS: dict[str, Callable[[Fields], str]] = {
    "freqtrade_get_status": _status,
    "freqtrade_get_profit": _profit,
    "freqtrade_get_balance": _balance,
    "freqtrade_list_trades": _history,
    "freqtrade_get_candles": _candles,
    "freqtrade_propose_trade": _intent,
    "freqtrade_propose_exit": _intent,
    "freqtrade_list_intents": _intents,
    "memory_explain": notes.tell_why,
    "memory_forget": notes.tell_forgotten,
    "memory_save": _saved,
    "memory_search": _recalled,
    "n8n_run_workflow": _workflow,
    "database_query": tables.tell,
}
