"""What the rehearsal model understands: one row per intent. To teach it something, add a row to INTENTS.

A row is a pattern and a function that turns the matched words into tool calls. Rows are tried in order; one that
`consumes` takes its words away from the rows below it ("remember that I want three open trades" asks for no status).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from simulators.openrouter import learned, notes, queries, trade
from simulators.openrouter.conversation import Conversation
from simulators.openrouter.reply import ToolCall


@dataclass(frozen=True)
class Asked:
    """The words an intent matched, the whole question, and the tools on offer."""

    match: re.Match[str]
    question: str
    tools: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Intent:
    """One thing a person may want."""

    name: str
    says: re.Pattern[str]
    calls: Callable[[Asked], Sequence[ToolCall]]
    consumes: bool = False


def _says(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


READ_CHARACTERS = 20_000  # of a message, so that a huge one stays cheap
CLAUSE_ENDS = r"(?=[.!?](?:\s|$)|,?\s+(?:and|then)\s+(?:how|what|show|tell|give|check|list|run|get)\b|\n|$)"
REMEMBER = _says(
    r"(?:^|[.!?,;:\n]\s*|\b(?:and|also|please|then|but|you)\s+)(?<!do you )(?:remember|note|keep in mind)"
    r"(?!\s+(?:what|who|when|where|which|whether|how|anything)\b)(?:\s+that\b|\s*[:,])?\s+(?P<what>.+?)" + CLAUSE_ENDS
)
RECALL = _says(
    r"(?:\bwhat (?:did|have) i (?:ever )?(?:tell|told|say|said|ask|asked)(?: to)?(?: you)?"
    r"|\bdo you (?:still )?(?:remember|recall)"
    r"|\bdo you (?:still )?know (?=my|what i|about me|anything about|how i|who i|where i|if i)"
    r"|\bwhat do you (?:know|remember)|\bremember (?=what i)|\brecall\b"
    r"|\bwhat(?:'s| is| are| was| were) my (?=name|favou?rite|prefer|rule|limit|risk|goal|birthday))"
    r"(?P<about>[^?!\n]*)"
)
LEADING_FILLER = re.compile(r"^(?:(?:that|about|on|of|regarding|anything|what|i|said|told|you|my)\s+)+", re.IGNORECASE)
NUMBER = re.compile(r"\b(\d{1,3})\b")
TIMEFRAME = re.compile(r"\b(\d{1,2}[mhdw])\b")


def _remember(asked: Asked) -> list[ToolCall]:
    return [ToolCall.of("memory_save", text=asked.match["what"].strip(" ,;"))]


def _recall(asked: Asked) -> list[ToolCall]:
    return [ToolCall.of("memory_search", query=recall_topic(asked.match))]


def recall_topic(match: re.Match[str]) -> str:
    """What a recall question is about, without the words that only ask."""
    about = match["about"].strip(" .,;")
    return LEADING_FILLER.sub("", about) or about or match[0].strip()


def _candles(asked: Asked) -> list[ToolCall]:
    pair = trade.find_pair(asked.question)
    if pair is None:
        return []
    timeframe = TIMEFRAME.search(asked.question)
    chosen = {"timeframe": timeframe[1]} if timeframe else {}
    return [ToolCall.of("freqtrade_get_candles", pair=pair, **chosen)]


def _history(asked: Asked) -> list[ToolCall]:
    limit = NUMBER.search(asked.match[0])
    return [ToolCall.of("freqtrade_list_trades", **({"limit": int(limit[1])} if limit else {}))]


def _propose(asked: Asked) -> list[ToolCall]:
    schema = asked.tools.get("freqtrade_propose_trade", {})
    return [ToolCall.of("freqtrade_propose_trade", **trade.proposal(asked.match[0], schema))]


def _leave(asked: Asked) -> list[ToolCall]:
    given = {"trade_id": int(asked.match["trade"]), "reason": "The user asked for this."}
    return [ToolCall.of("freqtrade_propose_exit", **given)]


def _workflow(asked: Asked) -> list[ToolCall]:
    return [ToolCall.of("n8n_run_workflow", payload={"request": asked.question})]


def _status(_: Asked) -> list[ToolCall]:
    return [ToolCall.of("freqtrade_get_status"), ToolCall.of("freqtrade_get_profit")]


INTENTS: Sequence[Intent] = (
    Intent(
        "sql",
        queries.SQL,
        lambda asked: [ToolCall.of("database_query", sql=queries.stated(asked.match))],
        consumes=True,
    ),
    Intent("why", notes.WHY, lambda asked: notes.searches(asked.match), consumes=True),
    Intent("forget", notes.FORGET, lambda asked: notes.searches(asked.match), consumes=True),
    Intent("learned", learned.LEARNED, lambda asked: learned.searches(asked.match), consumes=True),
    Intent("remember", REMEMBER, _remember, consumes=True),
    Intent("recall", RECALL, _recall, consumes=True),
    Intent(
        "database",
        queries.QUESTION,
        lambda asked: [ToolCall.of("database_query", sql=queries.chosen(asked.match[0]))],
        consumes=True,
    ),
    Intent("leave", trade.LEAVE, _leave, consumes=True),
    Intent("propose", trade.PROPOSE, _propose, consumes=True),
    Intent(
        "limits",
        _says(r"\b(?:trading|broker'?s?) limits\b|\bwhat may (?:you|the bot) (?:buy|spend|trade)\b"),
        lambda _: [ToolCall.of("freqtrade_get_limits")],
        consumes=True,
    ),
    Intent(
        "intents",
        _says(r"\b(?:intents|proposals|approvals)\b|\bwaits? for (?:my )?approval\b"),
        lambda _: [ToolCall.of("freqtrade_list_intents")],
        consumes=True,
    ),
    Intent(
        "workflow",
        _says(r"\b(?:run|start|trigger|execute)\b[^.?!\n]*\b(?:workflow|n8n)\b[^.?!\n]*"),
        _workflow,
        consumes=True,
    ),
    Intent(
        "history",
        _says(
            r"\btrad(?:e|ing) history\b|\b(?:past|previous|closed|recent|all my|last(?: \d+)?) trades\b"
            r"|\blist (?:my )?(?:last )?(?:\d+ )?trades\b"
        ),
        _history,
        consumes=True,
    ),
    Intent("candles", _says(r"\b(?:candles?|price|chart|ohlcv|quote)\b|\bhow much is (?:an? )?\w+ worth\b"), _candles),
    Intent("status", _says(r"\bbot\b|\bopen (?:trades?|positions?)\b|\bpositions\b|\bstatus\b"), _status),
    Intent(
        "profit",
        _says(r"\bprofits?\b|\bp\s?&\s?l\b|\bpnl\b|\bearn(?:ed|ings)?\b|\bmaking money\b"),
        lambda _: [ToolCall.of("freqtrade_get_profit")],
    ),
    Intent(
        "balance",
        _says(r"\bbalances?\b|\bwallet\b|\bfunds\b|\bhow much (?:money|usdt|cash)\b"),
        lambda _: [ToolCall.of("freqtrade_get_balance")],
    ),
)


def wanted(conversation: Conversation) -> list[ToolCall]:
    """Every call the question asks for, offered or not, each once."""
    rest = conversation.question[:READ_CHARACTERS]
    found: dict[tuple[str, str], ToolCall] = {}
    for intent in INTENTS:
        for match in list(intent.says.finditer(rest)):
            for call in intent.calls(Asked(match, conversation.question, conversation.tools)):
                found.setdefault((call.name, call.arguments), call)
        if intent.consumes:
            rest = intent.says.sub(" ", rest)
    return list(found.values())
