"""Conversations in the LoCoMo format: dated sessions of turns, and questions with the ids of the turns that answer."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from benchmarks.memory.stores import Told

OWN = Path(__file__).parent / "conversations.json"
DATE = "%I:%M %p on %d %B, %Y"
ANSWERABLE = {1, 2, 3, 4}  # 5 asks about what was never said
SEPARATORS = re.compile(r"[;,\s]+")


@dataclass(frozen=True)
class Question:
    """What is asked, and which turns hold the answer."""

    text: str
    evidence: frozenset[str]


@dataclass(frozen=True)
class Conversation:
    """Turns as they are remembered, and the questions about them."""

    name: str
    turns: list[Told]
    questions: list[Question]


def read(path: Path) -> list[Conversation]:
    """All conversations of a file."""
    return [_conversation(number, each) for number, each in enumerate(orjson.loads(path.read_bytes()))]


def _conversation(number: int, given: Mapping[str, Any]) -> Conversation:
    turns = list(_turns(given["conversation"]))
    known = {turn.id for turn in turns}
    asked = [_question(each, known) for each in given["qa"] if each["category"] in ANSWERABLE]
    return Conversation(str(given.get("sample_id", number)), turns, [each for each in asked if each.evidence])


def _turns(given: Mapping[str, Any]) -> Iterator[Told]:
    number = 1
    while f"session_{number}_date_time" in given:
        began_at = datetime.strptime(given[f"session_{number}_date_time"], DATE).replace(tzinfo=UTC)
        for place, turn in enumerate(given.get(f"session_{number}", [])):
            shared = f" [shares {turn['blip_caption']}]" if turn.get("blip_caption") else ""
            text = f"{turn['speaker']}: {turn['text']}{shared}"
            yield Told(turn["dia_id"], text, began_at + timedelta(seconds=place))
        number += 1


def _question(given: Mapping[str, Any], known: set[str]) -> Question:
    """Some of the public set's evidence holds several ids in one text."""
    listed: list[str] = given.get("evidence") or []
    named = {part for each in listed for part in SEPARATORS.split(each)}
    return Question(given["question"], frozenset(named & known))
