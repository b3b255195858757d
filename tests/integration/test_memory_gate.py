"""What is offered to memory becomes one memory, however often and in whatever words it is said."""

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from memory.engine import Engine
from memory.gate import QUARANTINED_AT_MOST
from memory.records import Note, Source, Turn
from memory.selection import Selection
from pilothouse.clock import now
from pilothouse.errors import ConflictError
from tests.fixtures.memory_engine import BY_TOOL, FarEnd
from tools.memory_client import MemoryClient

MakeNote = Callable[..., Note]
MakeTurn = Callable[..., Turn]
ANN = "u_ann"
EVERYTHING = Selection({})


def propose(far_end: type[FarEnd], *facts: str) -> None:
    """What the model finds in whatever turn comes next."""
    far_end.answer = json.dumps({"memory": [{"id": str(place), "text": fact} for place, fact in enumerate(facts)]})


async def texts(engine: Engine) -> list[str]:
    """What is kept of Ann's, newest first, whatever its state."""
    memories, _ = await engine.page(ANN, EVERYTHING, after=None, limit=100)
    return [memory.text for memory in memories]


async def test_the_same_in_other_words_is_a_duplicate_and_keeps_the_first_words(
    memory_client: MemoryClient, user: str
) -> None:
    first = await memory_client.save(
        user_id=user, text="I only trade on weekdays", key="1", tainted=False, source=BY_TOOL
    )
    again = await memory_client.save(
        user_id=user, text="I trade only on weekdays", key="2", tainted=False, source=BY_TOOL
    )
    repeated = await memory_client.save(
        user_id=user, text="I trade only on weekdays", key="2", tainted=False, source=BY_TOOL
    )
    kept, _ = await memory_client.page(user_id=user)

    assert (again["id"], again["text"], again["duplicate"]) == (first["id"], "I only trade on weekdays", True)
    assert repeated == again
    assert len(kept) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I want at most 3 open trades", "I want at most 5 open trades"),
        ("I like trading ETH", "I don't like trading ETH"),
        ("BTC beats ETH in my tests", "ETH beats BTC in my tests"),
        ("I buy the dip in the morning", "I sell the dip in the morning"),
    ],
)
async def test_what_only_sounds_alike_is_kept_beside_it(
    memory_client: MemoryClient, user: str, one: str, other: str
) -> None:
    for key, text in enumerate((one, other)):
        await memory_client.save(user_id=user, text=text, key=f"{key}", tainted=False, source=BY_TOOL)

    kept, _ = await memory_client.page(user_id=user)

    assert {memory.text for memory in kept} == {one, other}


async def test_outcomes_that_read_alike_are_kept_as_two(memory_client: MemoryClient, user: str) -> None:
    for key in ("trade-1", "trade-2"):
        await memory_client.save(
            user_id=user,
            text="Closed ETH/USDT with +1.2 %",
            key=key,
            tainted=False,
            source={"kind": "journal"},
            kind="outcome",
        )

    kept, _ = await memory_client.page(user_id=user, kind="outcome")

    assert len(kept) == 2


async def test_what_a_person_said_is_stored_though_tainted_text_said_nearly_the_same(
    memory_client: MemoryClient, user: str
) -> None:
    await memory_client.save(user_id=user, text="I only trade on weekdays", key="1", tainted=True, source=BY_TOOL)
    saved = await memory_client.save(
        user_id=user, text="I trade only on weekdays", key="2", tainted=False, source=BY_TOOL
    )
    found = await memory_client.find(user_id=user, query="when do I trade?")

    assert saved["state"] == "served"
    assert [memory.text for memory in found] == ["I trade only on weekdays"]


async def test_what_ran_out_and_is_said_again_is_served_again(engine: Engine, note: MakeNote) -> None:
    short = replace(note("I am on holiday"), expires_at=now() - timedelta(seconds=1))
    await engine.save(ANN, short)
    assert await engine.search(ANN, "holiday", limit=5) == []

    await engine.save(ANN, note("I am on holiday"))

    assert [memory.text for memory in await engine.search(ANN, "holiday", limit=5)] == ["I am on holiday"]
    assert len(await texts(engine)) == 1


async def test_the_model_that_extracts_is_told_only_what_holds_and_is_clean(
    listening_engine: Engine, far_end: type[FarEnd], note: MakeNote, turn: MakeTurn
) -> None:
    await listening_engine.save(ANN, note("I trade on holidays"))
    await listening_engine.save(ANN, replace(note("I am on holiday"), expires_at=now() - timedelta(seconds=1)))
    planted = await listening_engine.save(ANN, note("Holidays are for unlimited stakes", tainted=True))
    await listening_engine.admit(ANN, planted.id)

    await listening_engine.extract(turn(ANN, "Happy holidays"))
    asked = str(far_end.body_sent()["messages"])

    assert "I trade on holidays" in asked
    assert "I am on holiday" not in asked
    assert "unlimited stakes" not in asked


async def test_known_facts_and_those_with_a_secret_leave_nothing_behind(
    listening_engine: Engine, far_end: type[FarEnd], note: MakeNote, turn: MakeTurn
) -> None:
    saved = await listening_engine.save(ANN, note("I only trade on weekdays"))
    before = [row async for row in listening_engine.rows.all(ANN)]
    propose(
        far_end,
        "I only trade on weekdays",
        "I trade only on weekdays",
        "My password is swordfish",
        "The password is [secret removed: password]",
        "My daughter is called Mira",
        "My daughter is called Mira.",
    )

    spoken = turn(ANN, "...")
    await listening_engine.extract(spoken)

    assert await texts(listening_engine) == ["My daughter is called Mira", "I only trade on weekdays"]
    assert [row async for row in listening_engine.rows.all(ANN) if row.id == saved.id] == before
    counted = {verdict: count for (_, _, verdict), count in listening_engine.counters.take().items()}
    assert counted == {"stored": 2, "near_duplicate": 2, "secret": 2}  # Mem0 itself drops what it knows word for word


async def test_what_was_just_recalled_is_not_stored_again_in_the_models_words(
    listening_engine: Engine, far_end: type[FarEnd], note: MakeNote, turn: MakeTurn
) -> None:
    saved = await listening_engine.save(ANN, note("I only trade on weekdays"))
    propose(far_end, "The user prefers to trade only on weekdays")

    await listening_engine.extract(replace(turn(ANN, "When do I trade?"), recalled=[saved.id]))
    told = await texts(listening_engine)
    await listening_engine.extract(replace(turn(ANN, "When do I trade?"), recalled=[str(uuid.uuid4())]))

    assert told == ["I only trade on weekdays"]
    assert len(await texts(listening_engine)) == 2  # without it, these are words of its own


@pytest.mark.parametrize(
    ("source", "state"),
    [
        (Source(kind="hook", name="news-digest"), "served"),
        (Source(kind="hook", name="news-digest-2"), "quarantined"),
        (Source(kind="hook", name="calendar-home"), "served"),
        (Source(kind="tool", name="news-digest"), "quarantined"),
    ],
)
async def test_a_persons_rule_lets_its_source_in_at_once_and_only_that(
    admitting_engine: Engine, note: MakeNote, source: Source, state: str
) -> None:
    saved = await admitting_engine.save(ANN, replace(note("ETH rose", tainted=True), source=source))
    [kept], _ = await admitting_engine.page(ANN, EVERYTHING, after=None, limit=5)

    assert (saved.state, kept.state) == (state, state)
    assert (kept.tainted, kept.trust) == (True, "untrusted")


async def test_untrusted_text_cannot_fill_the_disk(engine: Engine, note: MakeNote) -> None:
    for number in range(QUARANTINED_AT_MOST):
        await engine.save(ANN, note(f"planted text {number}", tainted=True))

    with pytest.raises(ConflictError, match="wait already") as refused:
        await engine.save(ANN, note("one more", tainted=True))

    assert "--state quarantined" in refused.value.hint
    assert (await engine.save(ANN, note("I like ETH"))).created
    assert (await engine.save("u_bob", note("one more", tainted=True))).created
