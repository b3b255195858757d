"""What the memory benchmark measures with: conversations as they are read, the textbook's BM25, the goals."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.memory import locomo
from benchmarks.memory.children import Measured, Plan
from benchmarks.memory.invented import Crowd, Instant
from benchmarks.memory.jobs import OURS, PEER, Spread
from benchmarks.memory.plain_bm25 import PlainBm25
from benchmarks.memory.quality import Quality
from benchmarks.memory.report import quality_goal, speed_goals

TURN = {"speaker": "Ann", "dia_id": "D1:1", "text": "I trade at night"}
SHARED = {"speaker": "Bob", "dia_id": "D1:2", "text": "Look!", "blip_caption": "a boat"}


def conversation(*asked: dict[str, Any]) -> list[dict[str, Any]]:
    """One of two turns, in the public set's shape."""
    spoken = {"session_1_date_time": "1:56 pm on 8 May, 2023", "session_1": [TURN, SHARED]}
    return [{"sample_id": "one", "conversation": {"speaker_a": "Ann", "speaker_b": "Bob"} | spoken, "qa": list(asked)}]


def read(tmp_path: Path, *asked: dict[str, Any]) -> locomo.Conversation:
    """That conversation as the benchmark reads it."""
    path = tmp_path / "set.json"
    path.write_text(json.dumps(conversation(*asked)))
    return locomo.read(path)[0]


def test_turns_are_read_with_who_spoke_what_was_shared_and_when(tmp_path: Path) -> None:
    first, second = read(tmp_path).turns

    assert (first.text, second.text) == ("Ann: I trade at night", "Bob: Look! [shares a boat]")
    assert first.at.isoformat() == "2023-05-08T13:56:00+00:00"
    assert first.at < second.at


def test_only_questions_with_evidence_that_exists_are_asked(tmp_path: Path) -> None:
    asked = [
        {"question": "both?", "evidence": ["D1:1; D1:2"], "category": 1},
        {"question": "nowhere?", "evidence": ["D9:9"], "category": 1},
        {"question": "never said?", "evidence": ["D1:1"], "category": 5},
        {"question": "without?", "category": 2},
    ]

    assert [(each.text, each.evidence) for each in read(tmp_path, *asked).questions] == [
        ("both?", frozenset({"D1:1", "D1:2"}))
    ]


def test_our_own_set_can_be_read_and_every_question_has_its_evidence() -> None:
    conversations = locomo.read(locomo.OWN)

    assert sum(len(each.turns) for each in conversations) == 80
    assert sum(len(each.questions) for each in conversations) == 43


def test_plain_bm25_puts_the_rarer_word_first_and_finds_nothing_without_a_word_in_common() -> None:
    index = PlainBm25(["the bot trades", "the bot sleeps", "trading the lake", "a bot"])

    assert index.search("Is the bot sleeping?", limit=2)[0] == 1
    assert set(index.search("trades", limit=9)) == {0, 2}
    assert index.search("zephyrus", limit=9) == []


def test_a_crowd_is_the_same_each_time_and_of_the_size_asked_for() -> None:
    crowd = Crowd(memories=300, users=3)

    assert [len(crowd.texts_of(user)) for user in range(3)] == [100] * 3
    assert crowd.texts_of(1) == Crowd(300, 3).texts_of(1) != crowd.texts_of(2)
    assert len(set(crowd.texts_of(1))) == 100
    assert crowd.questions(5, seed=1) == crowd.questions(5, seed=1)


def test_an_instant_vector_is_nearer_to_one_with_words_in_common() -> None:
    asked, near, far = Instant().embed(["the bot lost", "the bot lost money", "sailing boats"])

    def cosine(one: list[float], other: list[float]) -> float:
        return sum(a * b for a, b in zip(one, other, strict=True))

    assert cosine(asked, asked) == pytest.approx(1)
    assert cosine(asked, near) > cosine(asked, far)


def test_there_are_at_most_so_many_users_and_a_hundred_memories_each_until_then() -> None:
    assert Plan(sizes=[1_000, 10_000, 100_000, 500_000]).crowds() == [
        (1_000, 10),
        (10_000, 100),
        (100_000, 1000),
        (500_000, 1000),
    ]


def measured(peer: str, memories: int, p95_ms: float) -> Measured:
    """All of its searches as slow."""
    spread = Spread(p50_ms=1, p95_ms=p95_ms, count=9).model_dump()
    return Measured(peer, memories, 10, {"search": spread, "first": spread, "embedded": {"search": spread}})


def test_the_goals_are_ours_at_the_most_memories() -> None:
    lines = speed_goals([measured(OURS, 1_000, 99), measured(OURS, 100_000, 12), measured(PEER, 100_000, 5000)])

    assert [line.rpartition(": ")[2] for line in lines] == ["NOT met", "NOT met", "met"]
    assert "12.0 ms, goal below 10 ms" in lines[0]


@pytest.mark.parametrize(("recall", "word"), [(0.7, "met"), (0.699, "NOT met")])
def test_the_goal_of_quality_is_recall_at_ten(recall: float, word: str) -> None:
    found = {1: 0.1, 5: 0.2, 10: recall, 20: 0.9}
    ours = Quality(name="pilothouse", questions=1, recall=found, any_in_10=1, search=None)

    assert quality_goal([ours]).rpartition(": ")[2] == word
