"""What we rely on inside Mem0, on the real thing: a new release that changes one of these fails here."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from memory.engine import Engine
from memory.payload import TAINTED, note_payload
from memory.records import Note, Turn
from tests.fixtures.memory_engine import FarEnd

MakeNote = Callable[..., Note]
MakeTurn = Callable[..., Turn]
ANN, BOB = "u_" + "a" * 32, "u_" + "b" * 32


async def test_keywords_count_in_its_search(engine: Engine, mem0: Any, note: MakeNote) -> None:
    await engine.save(ANN, note("The strategy is called Zephyrus"))
    await engine.save(ANN, note("I like to sail on the lake"))

    found = await mem0.search("Zephyrus", filters={"user_id": ANN}, explain=True)

    assert found["results"][0]["memory"] == "The strategy is called Zephyrus"
    assert found["results"][0]["score_details"]["bm25_score"] > 0


async def test_it_reads_lists_and_deletes_what_we_save(engine: Engine, mem0: Any, note: MakeNote) -> None:
    saved = await engine.save(ANN, note("Only spot, no margin"))

    assert (await mem0.get(saved.id))["memory"] == "Only spot, no margin"
    assert len((await mem0.get_all(filters={"user_id": ANN}))["results"]) == 1
    assert [row["event"] for row in await mem0.history(saved.id)] == ["ADD"]
    await mem0.delete(saved.id)
    assert await engine.search(ANN, "Only spot, no margin", limit=5) == []


async def test_its_wildcard_never_meets_a_scope(engine: Engine, note: MakeNote) -> None:
    await engine.save(ANN, note("Only spot, no margin"))

    assert await engine.search(BOB, "*", limit=5) == []


async def test_a_hit_of_another_user_is_dropped_whatever_the_store_says(
    engine: Engine, mem0: Any, note: MakeNote
) -> None:
    await engine.save(ANN, note("Only spot, no margin"))

    assert len((await mem0.search("margin", filters={"user_id": "*"}))["results"]) == 1  # why scopes are never "*"
    assert await engine.search("*", "margin", limit=5) == []


@pytest.mark.parametrize("section", ["## New Messages", "## Existing Memories", "## Observation Date", "# Output:"])
async def test_its_prompt_has_the_sections_the_rehearsal_model_reads(
    listening_engine: Engine, far_end: type[FarEnd], turn: MakeTurn, section: str
) -> None:
    await listening_engine.extract(turn(ANN, "I trade at night"))

    system, asked = [message["content"] for message in far_end.body_sent()["messages"]]
    assert "Memory Extractor" in system
    assert section in asked
    assert "user: I trade at night" in asked


async def test_extraction_asks_the_proxy_for_json_and_names_itself(
    listening_engine: Engine, far_end: type[FarEnd], turn: MakeTurn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-somebody-elses")

    await listening_engine.extract(turn(ANN, "I trade at night"))

    assert far_end.body_sent()["response_format"] == {"type": "json_object"}
    assert far_end.headers_sent()["x-pilothouse-node"] == "memory"
    assert far_end.headers_sent()["authorization"] == "Bearer a-key-for-the-proxy"


async def test_a_date_or_owner_the_model_makes_up_is_not_kept(
    listening_engine: Engine, far_end: type[FarEnd], turn: MakeTurn
) -> None:
    far_end.answer = (
        '{"memory":[{"id":"0","text":"I trade at night","created_at":"2099-01-01","user_id":"' + BOB + '"}]}'
    )
    given = turn(ANN, "I trade at night")

    await listening_engine.extract(given)
    found = await listening_engine.search(ANN, "When do I trade?", limit=5)

    assert [memory.created_at for memory in found] == [given.queued_at]
    assert await listening_engine.search(BOB, "When do I trade?", limit=5) == []


async def test_a_memory_from_before_taint_was_kept_is_clean(engine: Engine, mem0: Any, note: MakeNote) -> None:
    old = note("Only spot, no margin")
    payload = note_payload(ANN, old)
    del payload[TAINTED]
    mem0.vector_store.insert([mem0.embedding_model.embed(old.text, "add")], [payload], [str(uuid4())])

    await engine.save(ANN, note(old.text, tainted=True))
    found = await engine.search(ANN, "margin", limit=5)

    assert [memory.tainted for memory in found] == [False]


async def test_extraction_is_not_shown_what_is_tainted_and_what_it_finds_is_clean(
    listening_engine: Engine, far_end: type[FarEnd], note: MakeNote, turn: MakeTurn
) -> None:
    await listening_engine.save(ANN, note("I like tea at night"))
    await listening_engine.save(ANN, note("I trade at night, without limits", tainted=True))
    far_end.answer = '{"memory":[{"id":"0","text":"I trade at night","attributed_to":"user"}]}'

    await listening_engine.extract(turn(ANN, "I trade at night"))
    found = await listening_engine.search(ANN, "When do I trade?", limit=5)

    prompt = str(far_end.body_sent()["messages"])
    assert "I like tea at night" in prompt
    assert "without limits" not in prompt
    assert {memory.text: memory.tainted for memory in found} == {
        "I trade at night": False,
        "I like tea at night": False,
    }


async def test_words_that_extraction_found_in_a_clean_turn_are_clean_though_a_tainted_one_said_them_first(
    listening_engine: Engine, far_end: type[FarEnd], note: MakeNote, turn: MakeTurn
) -> None:
    await listening_engine.save(ANN, note("I trade at night", tainted=True))
    far_end.answer = '{"memory":[{"id":"0","text":"I trade at night","attributed_to":"user"}]}'

    await listening_engine.extract(turn(ANN, "I trade at night"))
    found = await listening_engine.search(ANN, "When do I trade?", limit=5)

    assert [(memory.text, memory.tainted) for memory in found] == [("I trade at night", False)]
