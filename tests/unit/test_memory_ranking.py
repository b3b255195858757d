"""What comes first when somebody asks: meaning and keywords together, names, what was said beside it, age and trust."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from memory.bm25 import EdgeBm25
from memory.index import UserIndex
from memory.names import words_in
from memory.payload import note_payload
from memory.ranking import Question, best
from memory.records import Kind, Note, Source, SourceKind, Subject, WholeRow
from memory.selection import EVERYTHING, Selection

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
BM25 = EdgeBm25()
FAR = 90.0  # degrees between meanings that have nothing in common


def said(
    text: str,
    *,
    degrees: float = FAR,
    days_ago: float = 0.0,
    by: SourceKind = "person",
    kind: Kind = "note",
    subject: Subject | None = None,
    expires_at: datetime | None = None,
    state: str = "served",
    tainted: bool = False,
) -> WholeRow:
    """A stored memory; `degrees`: how far its meaning lies from the question's."""
    note = Note(
        text,
        text,
        Source(kind=by),
        NOW - timedelta(days=days_ago),
        tainted,
        kind,
        expires_at=expires_at,
        subject=subject,
    )
    keywords = next(iter(BM25.embed([text])))
    vector = np.array([math.cos(math.radians(degrees)), math.sin(math.radians(degrees))], np.float32)
    weights = dict(zip(keywords.indices.tolist(), keywords.values.tolist(), strict=True))
    return WholeRow(text, note_payload("u_ann", note) | {"state": state}, vector, weights)


def answers(
    question: str, memories: Sequence[WholeRow], asked: Selection = EVERYTHING, *, meaning: bool = True
) -> list[str]:
    """What is found, best first; without `meaning` by its words alone."""
    index = UserIndex.empty(2).changed([], memories)
    vector = np.array([1.0 if meaning else 0.0, 0.0], np.float32)
    put = Question(vector, BM25.terms(question), words_in(question), NOW.timestamp())
    return [text for text, _ in best(index, put, asked, limit=10)]


def days_apart(*rows: tuple[str, float]) -> list[WholeRow]:
    """Memories of different days, so that none is another's context."""
    return [said(text, degrees=degrees, days_ago=40 + day) for day, (text, degrees) in enumerate(rows)]


def test_a_rare_word_wins_over_a_meaning_that_is_only_a_little_nearer() -> None:
    memories = days_apart(("I like my momentum strategy", 42), ("The one I trust is zephyrus", 44))

    assert answers("zephyrus performance", memories)[0] == "The one I trust is zephyrus"


def test_meaning_wins_over_a_common_word() -> None:
    memories = days_apart(
        ("I trade at night", 30), ("What a limit on the speed of trade", 85), ("The limit of the lake", 85)
    )
    question = "What is the limit for after dark trade?"

    assert answers(question, memories, meaning=False)[0] != "I trade at night"
    assert answers(question, memories)[0] == "I trade at night"


def test_the_number_in_the_question_decides_between_rules_of_one_meaning() -> None:
    rules = days_apart(*((f"Stop loss at {percent} percent for swing trades", 30) for percent in (3, 5, 8, 13)))

    assert answers("which stop loss has 8 percent", rules)[0] == "Stop loss at 8 percent for swing trades"


@pytest.mark.parametrize("question", ["What does Mira like?", "what does mira like", "Mira's hobbies?"])
def test_a_named_person_comes_first_however_the_name_is_written(question: str) -> None:
    memories = days_apart(("He likes the sea", 52), ("My daughter Mira goes riding", 60), ("They like tea", 55))

    assert answers(question, memories)[0] == "My daughter Mira goes riding"


def test_a_name_at_the_start_of_a_sentence_counts_once_it_is_known_as_one() -> None:
    unknown = days_apart(("Mira goes riding", 66), ("Nobody goes riding", 50), ("A lake", 80), ("The sea", 80))
    known = [*unknown, said("My daughter is called Mira", degrees=85, days_ago=60)]

    assert answers("where is mira", unknown)[0] == "Nobody goes riding"
    assert answers("where is mira", known)[0] == "Mira goes riding"


def test_a_word_that_only_begins_a_sentence_is_no_name() -> None:
    memories = days_apart(("Trading is fun", 70), ("I do it for the thrill", 30), ("Sailing is dull", 80))

    assert answers("why trading", memories)[0] == "I do it for the thrill"


def test_in_a_transcript_who_speaks_counts_and_not_who_is_spoken_to() -> None:
    turns = days_apart(("Ben: Hi Mira, Mira", 50), ("Mira: I had a good day", 49), ("Ben: Fine", 50))

    assert answers("How was it for Mira?", turns)[0] == "Mira: I had a good day"


def test_what_was_said_beside_the_answer_comes_before_what_was_not() -> None:
    talk = [
        said("Which exchange do you use?", degrees=20, days_ago=50),
        said("The one from before", degrees=70, days_ago=50 - 1 / 1440),
        said("A thing about lamps", degrees=69, days_ago=90),
        said("A thing about boats", degrees=80, days_ago=120),
    ]

    assert answers("exchange", talk)[:2] == ["Which exchange do you use?", "The one from before"]


def test_of_two_that_fit_alike_the_newer_comes_first() -> None:
    memories = [said("The fee is low", degrees=30, days_ago=400), said("The fee is high", degrees=30, days_ago=2)]

    assert answers("fee", memories) == ["The fee is high", "The fee is low"]


def test_of_two_that_fit_alike_the_persons_own_words_come_before_the_agents() -> None:
    memories = [
        said("The fee is low", degrees=30, days_ago=50, by="turn"),
        said("The fee is high", degrees=30, days_ago=50.1),
    ]

    assert answers("fee", memories)[0] == "The fee is high"


def test_what_has_nothing_to_do_with_the_question_is_not_found() -> None:
    memories = days_apart(("I trade at night", 30), ("My daughter is called Mira", 95))

    assert answers("when do I trade", memories) == ["I trade at night"]


def test_what_expired_is_not_found_and_what_expires_later_is() -> None:
    memories = [
        said("No trades this week", degrees=20, expires_at=NOW - timedelta(minutes=1)),
        said("No trades this month", degrees=30, expires_at=NOW + timedelta(minutes=1)),
    ]

    assert answers("may I trade", memories) == ["No trades this month"]


@pytest.mark.parametrize("state", ["quarantined", "superseded"])
def test_what_is_not_served_is_not_found(state: str) -> None:
    assert answers("may I trade", [said("I trade at night", degrees=20, state=state)]) == []


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (Selection({"pair": "BTC/USDT"}), {"btc"}),
        (Selection({"kind": "backtest"}), {"btc", "eth"}),
        (Selection({"kind": "backtest", "strategy": "Other"}), set[str]()),
        (Selection({}, since=NOW - timedelta(days=10)), {"eth", "note"}),
        (Selection({"kind": "backtest"}, until=NOW - timedelta(days=10)), {"btc"}),
    ],
)
def test_only_what_is_asked_for_is_found(asked: Selection, found: set[str]) -> None:
    def tested(text: str, pair: str, *, days_ago: float) -> WholeRow:
        subject = Subject(strategy="Momentum", pair=pair)
        return said(text, degrees=30, days_ago=days_ago, kind="backtest", subject=subject)

    memories = [
        tested("btc", "BTC/USDT", days_ago=30),
        tested("eth", "ETH/USDT", days_ago=5),
        said("note", degrees=20, days_ago=1),
    ]

    assert set(answers("what did we learn", memories, asked)) == found


def test_one_memory_alone_and_none_at_all_are_ranked_without_a_fault() -> None:
    assert answers("when do I trade", [said("I trade at night", degrees=10)]) == ["I trade at night"]
    assert answers("when do I trade", []) == []


def test_a_changed_row_is_ranked_as_it_is_now_and_a_removed_one_is_gone() -> None:
    first: Any = said("I trade at night", degrees=30)
    index = UserIndex.empty(2).changed([], [first, said("I sail at dawn", degrees=60)])

    moved = WholeRow(first.id, {**first.payload, "data": "I trade at noon"}, first.vector, first.keywords)
    changed: Any = index.changed([first.id, "I sail at dawn"], [moved])

    assert [entry.id for entry in changed.entries] == [first.id]
    assert changed.vectors.shape == (1, 2)
    assert set(changed.keywords.places) == {0}
    assert len(index.entries) == 2
