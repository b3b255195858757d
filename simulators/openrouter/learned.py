"""What was learned about a pair or a strategy: how the rehearsal model asks memory for it, and tells the figures."""

import re
from typing import Any, cast

from simulators.openrouter import trade
from simulators.openrouter.reply import ToolCall

LEARNED = re.compile(
    r"\bwhat (?:did|have) (?:we|i|you) (?:ever )?learn(?:ed|t)?\b(?:\s+(?:about|from|with|on|of))*(?P<about>[^?!\n]*)",
    re.IGNORECASE,
)
STRATEGY = re.compile(r"\b(?!The\b|This\b|That\b)([A-Z]\w{2,})\b")
SHOWN = 10

Fields = dict[str, Any]


def searches(match: re.Match[str]) -> list[ToolCall]:
    """Memories about the pair, or about the strategy, that is named; about the words themselves, if neither is."""
    about = match["about"].strip(" .,;\"'")
    pair = trade.find_pair(about)
    named = STRATEGY.search(about) if pair is None else None
    only = {"pair": pair} if pair else {"strategy": named[1]} if named else {}
    return [ToolCall.of("memory_search", query=about or match[0].strip(), **only)]


def tell(memories: list[Fields], summary: Any) -> str:
    """Sums first, as memory computed them; then each memory with its figures and links."""
    lines = [f"- {_one(each)}" for each in memories[:SHOWN]]
    sums = [_sum(each) for each in cast("Fields", summary)["outcomes"]] if isinstance(summary, dict) else []
    return "\n".join([*sums, "What is remembered of it:", *lines])


def _sum(outcomes: Fields) -> str:
    profits = [f"{value} {name.removeprefix('sum_profit_').upper()}" for name, value in _profits(outcomes)]
    whose = "by the broker's figures" if outcomes.get("figures_from") == "broker" else "by what you recorded"
    count = outcomes.get("outcomes")
    return (
        f"{count} {'outcome' if count == 1 else 'outcomes'} {whose}: {outcomes.get('won')} won, "
        f"{outcomes.get('lost')} lost, {', '.join(profits) or 'no profit known'} in all."
    )


def _profits(outcomes: Fields) -> list[tuple[str, Any]]:
    return [(name, value) for name, value in outcomes.items() if name.startswith("sum_profit_")]


def _one(memory: Fields) -> str:
    figures = ", ".join(f"{name} {value}" for name, value in cast("Fields", memory.get("figures") or {}).items())
    links = ", ".join(cast("list[str]", memory.get("links") or []))
    return f"{memory.get('text')}{': ' + figures if figures else ''}{f' ({links})' if links else ''}"
