"""Meaning and keywords together, on the real embedder and store, and what is no longer served."""

from collections.abc import Callable
from typing import Any

import pytest

from memory.engine import Engine
from memory.payload import STATE
from memory.records import Note

MakeNote = Callable[..., Note]
ANN = "u_" + "a" * 32

NOTES = [
    "The trailing stop of the swing bot is at 4 percent",
    "The trailing stop of the scalper is at 2 percent",
    "QX7: do not touch before the audit",
    "My hardware wallet is in the drawer where I keep my documents",
    "I get seasick on small boats",
    "I feel ill whenever the ferry leaves the harbour",
    "The harbour master asked for the fee",
]


@pytest.fixture
async def told(engine: Engine, note: MakeNote) -> Engine:
    """An engine that was told the notes."""
    for text in NOTES:
        await engine.save(ANN, note(text))
    return engine


async def test_a_paraphrase_is_found_that_keywords_alone_miss(told: Engine, mem0: Any) -> None:
    question = "did the fee of the trip make me feel sick"

    by_keywords = mem0.vector_store.keyword_search(query=question, top_k=1, filters={"user_id": ANN})  # plain BM25
    by_search = await told.search(ANN, question, limit=1)

    assert by_keywords[0].payload["data"] == "The harbour master asked for the fee"
    assert by_search[0].text == "I feel ill whenever the ferry leaves the harbour"


@pytest.mark.parametrize("state", ["superseded", "quarantined"])
async def test_what_is_no_longer_served_is_not_found_though_it_was_before(
    told: Engine, note: MakeNote, state: str
) -> None:
    saved = await told.save(ANN, note("The trailing stop of the swing bot is at 9 percent"))
    assert saved.text in [memory.text for memory in await told.search(ANN, "trailing stop", limit=10)]

    row = await told.rows.get(ANN, saved.id)
    assert row is not None
    await told.rows.set(row, {STATE: state})

    assert saved.text not in [memory.text for memory in await told.search(ANN, "trailing stop", limit=10)]
    assert saved.id not in [row.id for row, _ in await told.recall.similar(ANN, [1.0] * 384, limit=10)]
