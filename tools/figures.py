"""Figures of trading memories: written beside the words, and added up by code, since a model would only seem to."""

import html
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from tools.memory_client import Memory, Subject

FIGURES_SHOWN, LINKS_SHOWN = 12, 3
MONEY = re.compile(r"profit_(?!factor$)(?!.*pct$).+")  # in some currency, which is the end of the name


def in_words(memory: Memory) -> str:
    """Figures and links on one line, in brackets; empty when it has neither."""
    if memory.subject is None:
        return ""
    figures = list(memory.subject.figures.items())[:FIGURES_SHOWN]
    said = [f"{name}={figure:f}" for name, figure in figures] + memory.subject.links[:LINKS_SHOWN]
    return html.escape(f" [{', '.join(said)}]") if said else ""


def told(subject: Subject | None) -> dict[str, Any]:
    """What a memory is about, for a model; figures as plain text."""
    if subject is None:
        return {}
    about = subject.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    figures = {name: f"{figure:f}" for name, figure in subject.figures.items()}
    return about | ({"figures": figures} if figures else {})


def summarise(outcomes: Iterable[Memory]) -> list[dict[str, Any]]:
    """Counts and sums of outcomes: those of the broker, and apart from them those that a person recorded."""
    by_source: dict[str, list[Memory]] = {}
    for each in outcomes:
        by_source.setdefault("broker" if each.source.kind == "journal" else "person", []).append(each)
    return [{"figures_from": source, **_sum(those)} for source, those in sorted(by_source.items())]


def _sum(outcomes: Sequence[Memory]) -> dict[str, Any]:
    """A trade is won by its profit in money, or else in percent. One without either is neither won nor lost."""
    profits = [_profit(each) for each in outcomes]
    known = [profit for profit in profits if profit is not None]
    return {
        "outcomes": len(outcomes),
        "won": sum(profit > 0 for profit in known),
        "lost": sum(profit < 0 for profit in known),
        **{name: f"{total:f}" for name, total in _totals(outcomes).items()},
        "from": min(map(_began, outcomes)).isoformat(),
        "to": max(map(_ended, outcomes)).isoformat(),
    }


def _totals(outcomes: Sequence[Memory]) -> dict[str, Decimal]:
    """Profit in each currency; percents of different stakes add up to nothing."""
    totals: dict[str, Decimal] = {}
    for each in outcomes:
        for name, figure in _money(each).items():
            totals[f"sum_{name}"] = totals.get(f"sum_{name}", Decimal(0)) + figure
    return totals


def _profit(memory: Memory) -> Decimal | None:
    percent = memory.subject.figures.get("profit_pct") if memory.subject else None
    return next(iter(_money(memory).values()), percent)


def _money(memory: Memory) -> dict[str, Decimal]:
    figures = memory.subject.figures if memory.subject else {}
    return {name: each for name, each in figures.items() if MONEY.fullmatch(name)}


def _began(memory: Memory) -> datetime:
    return (memory.subject and memory.subject.since) or memory.created_at


def _ended(memory: Memory) -> datetime:
    return (memory.subject and memory.subject.until) or memory.created_at
